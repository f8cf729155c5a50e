// The report of a week, as a mail server gets it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { eventually } from '../fresnel.mjs'
import { startTelling } from './alerting.mjs'
import { startMailServer } from './mail-server.mjs'

const DAY_MS = 86_400_000
const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const startedMs = Date.now()
const isoDay = (ms) => new Date(ms).toISOString().slice(0, 10)

let fresnel, server

// The report is due since midnight of UTC, about the seven days before.
before(async () => {
  server = await startMailServer()
  fresnel = await startTelling({
    FRESNEL_SMTP__HOST: '127.0.0.1',
    FRESNEL_SMTP__PORT: String(server.port),
    FRESNEL_SMTP__TLS: 'none',
    FRESNEL_SMTP__FROM: 'Fresnel <alerts@fresnel.example>',
    FRESNEL_ALERTS__REPORT_DAY: DAYS[new Date(startedMs).getUTCDay()],
    FRESNEL_ALERTS__REPORT_HOUR: '0',
    FRESNEL_ALERTS__DASHBOARD_URL: 'https://fresnel.example',
  })
  const timestamp = new Date(startedMs - DAY_MS).toISOString()
  const beacons = ['ada', 'bob', 'eve', 'joe'].flatMap((session_id, at) => [
    ['performance/metrics', { type: 'page_load_time', value: 1_000 * (at + 1), timestamp, session_id }],
    ['funnel', { step: 'effect_viewed', timestamp, session_id }],
  ])
  beacons.push(['funnel', { step: 'result_downloaded', timestamp, session_id: 'ada' }])
  // Of today: not of the week.
  beacons.push(['funnel', { step: 'effect_viewed', timestamp: new Date(startedMs).toISOString(), session_id: 'today' }])
  for (const [kind, beacon] of beacons) {
    const answer = await fetch(`${fresnel.url}/api/analytics/${kind}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${fresnel.ingestKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(beacon),
    })
    assert.equal(answer.status, 202, await answer.text())
  }
  await eventually('the beacons are stored', async () => {
    // What reports read are the rollups, which have a row a moment after the raw tables do.
    const [{ n, measured }] = await fresnel.query(`
      SELECT
        (SELECT sum(count) FROM activity WHERE grain_minutes = 60 AND kind = '') AS n,
        (SELECT sum(count) FROM metric_slices WHERE grain_minutes = 60 AND dimension = 'all') AS measured`)
    return (Number(n) === beacons.length && Number(measured) === 4) || undefined
  })
})

after(async () => {
  await fresnel?.stop()
  await server?.stop()
})

const channel = (name, fields = {}) =>
  fresnel.manage('POST', '/api/channels', {
    name,
    target: { kind: 'email', recipients: [`${name}@shop.example`] },
    ...fields,
  })
const mailTo = (name) => eventually(`the report for ${name}`, () => server.to(`${name}@shop.example`)[0])

async function deliveriesOfReports() {
  const { items } = await fresnel.manage('GET', '/api/deliveries?page_size=100')
  return items.filter((one) => one.notice.event === 'report')
}

/** A figure's row in the text of a mail: its value, and how it was before. */
const row = (mail, name) => new RegExp(`^ +${name} {2,}(.+?) {2,}(.+)$`, 'm').exec(mail.plain)?.slice(1)

test('a channel that wants it is told once how the week was, and others are not', async () => {
  await channel('never', { weekly_report: false })
  await channel('team')
  const mail = await mailTo('team')
  const week = `${isoDay(startedMs - 7 * DAY_MS)} to ${isoDay(startedMs - DAY_MS)}`
  assert.equal(mail.headers.subject, `Default: report of ${week}`)
  assert.deepEqual(row(mail, 'Events'), ['9', 'before: 0'])
  assert.deepEqual(row(mail, 'Sessions'), ['4', 'before: 0'])
  assert.deepEqual(row(mail, 'Conversions'), ['1', 'before: 0'])
  assert.deepEqual(row(mail, 'Conversion rate'), ['25 %', 'before: –'])
  assert.match(row(mail, 'page load time')[0], /^3,\d{3} ms$/)
  for (const part of [mail.plain, mail.html]) assert.ok(part.includes('https://fresnel.example/?project=default'), part)
  assert.match(mail.html, /<td align="right"><b>25 %<\/b><\/td>/)

  // Who looks again, after a crash too, finds that it is done. What the mail server took and Fresnel did not note
  // yet would be sent once more, as it should: the crash comes after that.
  await eventually('the report is delivered', async () => {
    const reports = await deliveriesOfReports()
    return reports.length > 0 && reports.every((one) => one.state === 'delivered')
  })
  await fresnel.kill()
  await fresnel.startAgain()
  await channel('late')
  await mailTo('late')
  assert.equal(server.to('team@shop.example').length, 1)
  assert.equal(server.to('never@shop.example').length, 0)
  await eventually('both reports are delivered', async () => {
    const states = (await deliveriesOfReports()).map((one) => one.state)
    assert.equal(states.length, 2)
    return states.every((state) => state === 'delivered')
  })
})

test('a wish that is no yes or no is refused by its name', async () => {
  const refused = await fetch(`${fresnel.url}/api/channels`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${fresnel.adminToken}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      name: 'bad',
      target: { kind: 'email', recipients: ['bad@shop.example'] },
      weekly_report: 'monday',
    }),
  })
  assert.equal(refused.status, 422)
  const { details } = await refused.json()
  assert.deepEqual(details.map(({ field }) => field), ['weekly_report'])
})
