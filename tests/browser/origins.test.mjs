// Pages of allowed and of foreign origins in a real browser: who may post JSON, and what scripts can read.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'

import { chromium } from 'playwright-core'

import { eventually, startFresnel } from '../fresnel.mjs'

let fresnel, sites, browser

/** A web site of its own: another port is another origin. */
async function startSite() {
  const site = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<p>A page'))
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  return { origin: `http://127.0.0.1:${site.address().port}`, close: () => site.close() }
}

before(async () => {
  sites = { shop: await startSite(), thief: await startSite() }
  fresnel = await startFresnel({
    FRESNEL_INGEST__ALLOWED_ORIGINS: sites.shop.origin,
    FRESNEL_QUOTA__EVENTS_PER_HOUR: '2',
  })
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
})

after(async () => {
  await browser?.close()
  Object.values(sites ?? {}).forEach((site) => site.close())
  await fresnel?.stop()
})

const NAMES = ['ratelimit', 'ratelimit-policy', 'x-ratelimit-remaining', 'retry-after']

/** Posts an event as JSON with the key in a header, which needs a preflight; tells what a script sees of the answer. */
async function postFrom(origin, beacon) {
  const page = await browser.newPage()
  try {
    await page.goto(origin)
    return await page.evaluate(
      async ([url, key, beacon, names]) => {
        try {
          const answer = await fetch(url, {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'x-api-key': key },
            body: JSON.stringify(beacon),
          })
          const headers = Object.fromEntries(names.map((name) => [name, answer.headers.get(name)]))
          return { status: answer.status, body: await answer.json(), headers }
        } catch (error) {
          return { failure: error.name }
        }
      },
      [`${fresnel.url}/api/analytics/events`, fresnel.ingestKey, beacon, NAMES],
    )
  } finally {
    await page.close()
  }
}

const event = () => ({
  event_id: randomUUID(),
  session_id: 'browser-session',
  event_type: 'result_share',
  event_data: {},
})

test('a page of an allowed origin posts JSON and reads answers, refusals and what is left of its quota', async () => {
  const sent = event()
  const first = await postFrom(sites.shop.origin, sent)
  assert.equal(first.status, 202)
  assert.equal(first.body.data.event_id, sent.event_id)
  assert.equal(first.headers['x-ratelimit-remaining'], '1')
  assert.equal(first.headers['ratelimit-policy'], '"events";q=2;w=3600')
  const invalid = await postFrom(sites.shop.origin, { ...event(), event_type: 'nothing' })
  assert.equal(invalid.status, 400)
  assert.equal(invalid.body.details[0].field, 'event_type')
  assert.equal((await postFrom(sites.shop.origin, event())).status, 202)
  const refused = await postFrom(sites.shop.origin, event())
  assert.equal(refused.status, 429)
  assert.ok(Number(refused.headers['retry-after']) > 0)
  await eventually('the event is stored', async () => {
    const rows = await fresnel.query(`SELECT 1 FROM user_events WHERE event_id = '${sent.event_id}'`)
    return rows.length === 1 || undefined
  })
})

test('a page of a foreign origin can neither post JSON nor read an answer', async () => {
  const sent = event()
  assert.deepEqual(await postFrom(sites.thief.origin, sent), { failure: 'TypeError' })
  const rows = await fresnel.query(`SELECT 1 FROM user_events WHERE event_id = '${sent.event_id}'`)
  assert.deepEqual(rows, [])
})
