// Schemathesis asks every address what the description of the API allows, and what it does not: there is no failure
// of the server, no status, media type or body that the description does not have.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { startFresnel } from '../fresnel.mjs'

const python =
  process.env.TEST_PYTHON ?? fileURLToPath(new URL('../../target/test-venv/bin/python', import.meta.url))
const configuration = fileURLToPath(new URL('schemathesis.toml', import.meta.url))
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
]
/** Most time that it may take, on a busy machine too; a minute on one that is not. */
const TIME_MAX_MS = 900_000

let fresnel
let folder

before(async () => {
  // One that others do not look at, where nobody is asked to wait.
  fresnel = await startFresnel({
    FRESNEL_QUOTA__API_PER_MINUTE: '0',
    FRESNEL_QUOTA__AUTH_FAILURES_PER_MINUTE: '0',
    FRESNEL_QUOTA__METRICS_PER_HOUR: '0',
    FRESNEL_QUOTA__EVENTS_PER_HOUR: '0',
  })
  folder = await mkdtemp(path.join(tmpdir(), 'fresnel-schemathesis-'))
})

after(async () => {
  await fresnel?.stop()
  if (folder) await rm(folder, { recursive: true, force: true })
})

/** Asks with this header; gives Schemathesis's status and what it wrote. */
async function schemathesis(header, ...args) {
  const program = path.join(path.dirname(python), 'schemathesis')
  const child = spawn(
    program,
    [
      ...['--no-color', '--config-file', configuration, 'run', `${fresnel.url}/api/openapi.json`],
      ...['--header', header, '--checks', checks.join(',')],
      ...args,
    ],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIME_MAX_MS },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
  const [status] = await once(child, 'close')
  return { status, output }
}

test('every answer to a beacon is one that the description has', { timeout: TIME_MAX_MS }, async () => {
  const { status, output } = await schemathesis(`X-API-Key: ${fresnel.ingestKey}`, '--include-tag', 'beacons')
  assert.equal(status, 0, output)
})

test('every other answer is one that the description has', { timeout: TIME_MAX_MS }, async () => {
  const bearer = `Authorization: Bearer ${fresnel.adminToken}`
  const { status, output } = await schemathesis(bearer, '--exclude-tag', 'beacons')
  assert.equal(status, 0, output)
  // With a token that is refused all answers would be fine, and say nothing.
  const headers = { Authorization: `Bearer ${fresnel.adminToken}` }
  const answer = await fetch(`${fresnel.url}/api/projects`, { headers })
  assert.equal(answer.status, 200)
})
