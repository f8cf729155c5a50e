// Prometheus' own Alertmanager lists what fires, at its level, until it is over.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'

import { eventually } from '../fresnel.mjs'
import { startTelling } from './alerting.mjs'

const RULE = 'Slow pages'
const PAGE = '/checkout'

let fresnel
let alertmanager

before(async () => {
  alertmanager = await startAlertmanager()
  fresnel = await startTelling({ FRESNEL_ALERTS__DASHBOARD_URL: 'https://fresnel.example' })
})

after(async () => {
  await fresnel?.stop()
  await alertmanager?.stop()
})

/** One on loopback, in a temporary folder; it says in its log which port it has got. */
async function startAlertmanager() {
  const folder = await mkdtemp(path.join(tmpdir(), 'fresnel-alertmanager-'))
  const settings = path.join(folder, 'settings.yml')
  await writeFile(settings, 'route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n')
  const child = spawn(
    'prometheus-alertmanager',
    [
      `--config.file=${settings}`,
      `--storage.path=${path.join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
      '--cluster.listen-address=',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const ended = once(child, 'close')
  let log = ''
  child.stderr.on('data', (data) => (log += data))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const port = await eventually('Alertmanager listens', () => {
      if (child.exitCode !== null) throw new Error(`Alertmanager ended with ${child.exitCode}:\n${log}`)
      return log.match(/address=127\.0\.0\.1:(\d+)/)?.[1]
    })
    const url = `http://127.0.0.1:${port}`
    return { url, stop, alerts: () => fetch(`${url}/api/v2/alerts`).then((answer) => answer.json()) }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What it lists, once these severities and no others are active. */
function untilActive(...severities) {
  return eventually(`active are: ${severities}`, async () => {
    const alerts = await alertmanager.alerts()
    const active = alerts.filter((alert) => alert.status.state === 'active')
    return String(active.map((alert) => alert.labels.severity)) === String(severities) ? active : undefined
  })
}

test('it lists an alert at its level, and no longer when it is over', async () => {
  await fresnel.manage('POST', '/api/channels', {
    name: 'Alertmanager',
    target: { kind: 'alertmanager', url: `${alertmanager.url}/` },
    matcher: [{ label: 'alertname', values: [RULE] }],
  })
  await fresnel.manage('POST', '/api/rules', {
    name: RULE,
    runbook_url: 'https://wiki.example/slow',
    watch: { kind: 'metric', type: 'page_load_time', aggregate: 'avg', window_ms: 600_000, group_by: ['page'] },
    thresholds: { warning: 3_000, critical: 5_000 },
  })
  // The mean is 6,000 ms, then 4,000, then 1,000.
  await fresnel.post('page_load_time', 6_000, { page: PAGE })
  const [critical] = await untilActive('critical')
  const { alertname, source, metric, page, project } = critical.labels
  assert.deepEqual(
    { alertname, source, metric, page, project },
    { alertname: RULE, source: 'rule', metric: 'page_load_time', page: PAGE, project: 'default' },
  )
  const { summary, measured, runbook_url } = critical.annotations
  assert.deepEqual(
    { summary, measured, runbook_url },
    {
      summary: `Critical: ${RULE} · page ${PAGE}`,
      measured: 'avg of page_load_time: 6,000 ms is above 5,000 ms',
      runbook_url: 'https://wiki.example/slow',
    },
  )
  assert.match(critical.generatorURL, /^https:\/\/fresnel\.example\/alerts\/[0-9a-f-]{36}$/)
  assert.ok(Date.parse(critical.endsAt) > Date.now() + 120_000, critical.endsAt)

  // Another level is the end of the one and the begin of the other.
  await fresnel.post('page_load_time', 2_000, { page: PAGE })
  const [warning] = await untilActive('warning')
  assert.equal(warning.startsAt, critical.startsAt)

  for (const value of [0, 0, 0, 0, 0, 0]) await fresnel.post('page_load_time', value, { page: PAGE })
  await untilActive()
  const { items } = await fresnel.manage('GET', '/api/alerts?state=resolved')
  assert.equal(items.filter((alert) => alert.title === RULE).length, 1)
})
