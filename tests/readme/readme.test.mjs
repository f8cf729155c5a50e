// The first screen of README.md, done as it says: each command is run as it stands there.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { eventually, startFresnel } from '../fresnel.mjs'

const repository = fileURLToPath(new URL('../..', import.meta.url))
let fresnel

before(async () => {
  fresnel = await startFresnel()
})

after(() => fresnel?.stop())

/** The commands between the two remarks, with this service's address in place of the usual one. */
function commands() {
  const text = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const part = text.split('tests/readme/readme.test.mjs. -->')[1].split('<!-- Here they end. -->')[0]
  return [...part.matchAll(/```sh\n(.*?)```/gs)].map(([, command]) =>
    command.replaceAll('http://127.0.0.1:8080', fresnel.url),
  )
}

function run(command) {
  const { status, stdout, stderr } = spawnSync('sh', ['-euc', command], {
    cwd: repository,
    encoding: 'utf8',
    env: {
      ...process.env,
      INGEST_KEY: fresnel.ingestKey,
      ADMIN_TOKEN: fresnel.adminToken,
      FRESNEL_DATA_DIR: fresnel.dataDir,
    },
  })
  assert.equal(status, 0, `${command}\n${stderr}`)
  return stdout
}

test('a stranger gets to a stored beacon by the first screen of README.md', async () => {
  const [post, askClickHouse, askTimeseries] = commands()
  const answer = JSON.parse(run(post))
  assert.equal(answer.success, true)
  assert.match(answer.data.event_id, /^[0-9a-f-]{36}$/)

  await eventually('ClickHouse shows the beacon', () => {
    const table = run(askClickHouse)
    return (table.includes('1234.5') && table.includes('my-first-session')) || undefined
  })
  // An answer is kept for ten seconds, and requests have a quota: as often as a person would ask.
  const countsIt = () => {
    const series = run(askTimeseries)
    assert.equal(JSON.parse(series).success, true, series)
    return series.includes('1234.5') || undefined
  }
  await eventually('the time series counts the beacon', countsIt, undefined, 1_000)
})
