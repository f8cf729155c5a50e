// What a browser sends is in ClickHouse within two seconds, in each way in which a page can send it.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { after, before, beforeEach, afterEach, test } from 'node:test'

import { chromium } from 'playwright-core'

import { eventually, startFresnel } from '../fresnel.mjs'

/** From a beacon's arrival, which is before its acknowledgement, to its row. */
const STORED_WITHIN_MS = 2_000

let fresnel, site, siteUrl, browser, profile, page

before(async () => {
  fresnel = await startFresnel()
  const html = await readFile(new URL('page.html', import.meta.url))
  site = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(html)).listen(0, '127.0.0.1')
  await once(site, 'listening')
  siteUrl = `http://127.0.0.1:${site.address().port}/`
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
    ],
  })
})

after(async () => {
  await browser?.close()
  site?.close()
  await fresnel?.stop()
})

beforeEach(async () => {
  profile = await browser.newContext()
  page = await profile.newPage()
})

afterEach(async () => {
  await profile.close()
})

/** One beacon of each kind, with the path that it is posted to and the table that it ends in. */
function beaconsOfEachKind() {
  const common = () => ({
    event_id: randomUUID(),
    session_id: 'browser-session',
    timestamp: new Date().toISOString(),
  })
  return [
    {
      path: '/api/analytics/performance/metrics',
      table: 'performance_metrics',
      beacon: { ...common(), type: 'core_web_vitals', value: 0, metadata: { name: 'CLS', page: '/', rating: 'good' } },
    },
    {
      path: '/api/analytics/performance/alerts',
      table: 'client_alerts',
      beacon: {
        ...common(),
        severity: 'warning',
        metric: 'long_task',
        threshold: 50,
        actual_value: 180.5,
        user_context: { browser: 'Chromium', device_type: 'desktop' },
      },
    },
    {
      path: '/api/analytics/funnel',
      table: 'funnel_steps',
      beacon: { ...common(), step: 'effect_viewed', effect_id: 'sepia' },
    },
    {
      path: '/api/analytics/events',
      table: 'user_events',
      beacon: { ...common(), event_type: 'image_upload', event_data: { bytes: 48_213, name: 'Füße 📷.jpg' } },
    },
  ]
}

const withKey = (path) => `${fresnel.url}${path}?key=${encodeURIComponent(fresnel.ingestKey)}`

/** Waits until each beacon's row can be read, and checks that it took no longer than it may. */
async function assertStoredInTime(sent) {
  for (const { table, beacon } of sent) {
    const sql = `SELECT toUnixTimestamp64Milli(received_at) AS received_ms FROM ${table} WHERE event_id = '${beacon.event_id}'`
    const [rows, seenMs] = await eventually(`${table} has the beacon`, async () => {
      const rows = await fresnel.query(sql)
      return rows.length > 0 ? [rows, Date.now()] : undefined
    })
    assert.equal(rows.length, 1, `${table} has the beacon once`)
    const lagMs = seenMs - Number(rows[0].received_ms)
    assert.ok(lagMs <= STORED_WITHIN_MS, `${table}: stored ${lagMs} ms after its arrival`)
  }
}

test('fetch from another origin, as text/plain with the key in the address', async () => {
  const statuses = []
  page.on('response', (answer) => answer.url().startsWith(fresnel.url) && statuses.push(answer.status()))
  await page.goto(siteUrl)
  const sent = beaconsOfEachKind()
  await Promise.all(
    sent.map(({ path, beacon }) =>
      page.evaluate(([url, beacon]) => post(url, beacon).then(() => undefined), [withKey(path), beacon]),
    ),
  )
  await assertStoredInTime(sent)
  assert.deepEqual(statuses, [202, 202, 202, 202])
})

test('sendBeacon from another origin, as text/plain while the page is left', async () => {
  await page.goto(siteUrl)
  const sent = beaconsOfEachKind()
  for (const { path, beacon } of sent) {
    await page.evaluate(([url, beacon]) => postAtUnload(url, beacon), [withKey(path), beacon])
  }
  await page.goto('about:blank')
  await assertStoredInTime(sent)
})

test('sendBeacon while the tab is closed', async () => {
  // The browser stays open, as it does when a person closes one of its tabs.
  const tab = await profile.newPage()
  await tab.goto(siteUrl)
  const sent = beaconsOfEachKind()
  for (const { path, beacon } of sent) {
    await tab.evaluate(([url, beacon]) => postAtUnload(url, beacon), [withKey(path), beacon])
  }
  await tab.close({ runBeforeUnload: true })
  await assertStoredInTime(sent)
})

test('fetch from the same origin, as application/json with the key in a header', async () => {
  // Behind one reverse proxy a product's pages and Fresnel share an origin. Only the page itself is made up here.
  await page.route(`${fresnel.url}/page`, (route) => route.fulfill({ contentType: 'text/html', body: '<p>A page' }))
  await page.goto(`${fresnel.url}/page`)
  const sent = beaconsOfEachKind()
  for (const { path, beacon } of sent) {
    const answer = await page.evaluate(
      async ([path, key, beacon]) => {
        const answer = await fetch(path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-api-key': key },
          body: JSON.stringify(beacon),
        })
        return { status: answer.status, body: await answer.json() }
      },
      [path, fresnel.ingestKey, beacon],
    )
    assert.equal(answer.status, 202)
    assert.equal(answer.body.data.event_id, beacon.event_id)
  }
  await assertStoredInTime(sent)
})

test('a value of zero and characters beyond ASCII arrive as they were sent', async () => {
  const [metric, , , event] = beaconsOfEachKind()
  await page.goto(siteUrl)
  for (const { path, beacon } of [metric, event]) {
    await page.evaluate(([url, beacon]) => post(url, beacon).then(() => undefined), [withKey(path), beacon])
  }
  await assertStoredInTime([metric, event])
  const [{ value, name }] = await fresnel.query(
    `SELECT value, name FROM performance_metrics WHERE event_id = '${metric.beacon.event_id}'`,
  )
  assert.deepEqual({ value, name }, { value: 0, name: 'CLS' })
  const [{ file }] = await fresnel.query(
    `SELECT event_data.name::String AS file FROM user_events WHERE event_id = '${event.beacon.event_id}'`,
  )
  assert.equal(file, 'Füße 📷.jpg')
})
