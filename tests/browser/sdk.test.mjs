// The browser SDK in real Chromium, on a page of another origin with a strict policy: what a page does is stored, once,
// whatever happens to the page, to the network and to the service; and what the SDK lost is in the ledger.
//
// SDK_PAGE_VIEWS=1000 looks at that many pages in the test of navigation at random moments; otherwise 60.

import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { eventually, startFresnel } from '../fresnel.mjs'
import { launch, startSite } from './sdk-site.mjs'

const PAGE_VIEWS = Number(process.env.SDK_PAGE_VIEWS ?? 60)
const BATCH = '/api/analytics/batch'

let fresnel, site, browser, profile, page, faults

before(async () => {
  fresnel = await startFresnel({
    FRESNEL_QUOTA__METRICS_PER_HOUR: '0',
    FRESNEL_QUOTA__EVENTS_PER_HOUR: '0',
    FRESNEL_FLUSH__MAX_WAIT_MS: '100',
  })
  site = await startSite(fresnel)
  browser = await launch()
})

after(async () => {
  await browser?.close()
  site?.close()
  await fresnel?.stop()
})

beforeEach(async () => {
  site.attributes = ''
  profile = await browser.newContext()
  page = await profile.newPage()
  faults = []
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
})

afterEach(() => profile.close())

async function open(path = '/') {
  await page.goto(site.url + path)
  await page.waitForFunction(() => globalThis.fresnel)
}

/** The numbers `n` of the events of a test that are stored, in order, each as often as it is. */
async function stored(tag) {
  const rows = await fresnel.query(
    `SELECT toInt64(event_data.n::String) AS n FROM user_events WHERE event_data.tag::String = '${tag}' ORDER BY n`,
  )
  return rows.map(({ n }) => Number(n))
}

const eventuallyStored = (tag, expected) =>
  eventually(`the events ${tag}`, async () => ((await stored(tag)).length >= expected.length ? true : undefined)).then(
    async () => assert.deepEqual(await stored(tag), expected),
  )

const upTo = (count) => Array.from({ length: count }, (_, n) => n)

/** Tells of events `from` … `to - 1` of a test. */
const tell = (tag, from, to) =>
  page.evaluate(
    ([tag, from, to]) => {
      for (let n = from; n < to; n++) globalThis.fresnel.event('image_upload', { tag, n: String(n) })
    },
    [tag, from, to],
  )

async function ledger(kind) {
  const answer = await fetch(`${fresnel.url}/api/ledger?kind=${kind}`, {
    headers: { authorization: `Bearer ${fresnel.adminToken}` },
  })
  const text = await answer.text()
  assert.equal(answer.status, 200, text)
  return JSON.parse(text).data.totals
}

test('load, vitals, requests, errors, steps, events, alerts and page views arrive, and break nothing of a strict page', async () => {
  await open('/shop/1')
  await page.evaluate(async () => {
    const { fresnel } = globalThis
    fresnel.identify('ada')
    fresnel.step('effect_viewed', { effect_id: 'sepia' })
    fresnel.event('image_upload', { bytes: 48 })
    fresnel.metric('effect_processing_time', 12.5, { effect_id: 'sepia' })
    fresnel.alert({ severity: 'warning', metric: 'long_task', threshold: 50, actual_value: 80 })
    await fetch('/api/orders/123?secret=1')
    await fetch('/api/broken/7', { method: 'post' })
    await fetch('/api/never', { signal: AbortSignal.timeout(50) }).catch(() => {})
    const giveUp = new AbortController()
    const gone = fetch('/api/never/aborted', { signal: giveUp.signal }).catch(() => {})
    giveUp.abort()
    await gone
    await new Promise((done) => {
      const request = new XMLHttpRequest()
      request.open('GET', '/api/xhr/9')
      request.onloadend = done
      request.send()
    })
    for (let time = 0; time < 3; time++) setTimeout(() => { throw new RangeError('out of colours') })
    Promise.reject(new Error('nobody waits'))
    history.pushState({}, '', '/shop/2')
    history.replaceState({}, '', '/shop/2?filter=red')
  })
  await page.mouse.click(10, 10)
  await pause(100)
  await page.goto('about:blank')
  const rows = (sql) => fresnel.query(sql)
  await eventually('the vitals', async () => {
    const names = (await rows("SELECT DISTINCT name FROM performance_metrics WHERE type = 'core_web_vitals'")).map(({ name }) => name)
    return ['CLS', 'FCP', 'LCP', 'TTFB', 'INP'].every((name) => names.includes(name)) || undefined
  })
  const loads = await rows("SELECT page, value, release, environment, navigation_type FROM performance_metrics WHERE type = 'page_load_time'")
  assert.equal(loads.length, 1)
  assert.ok(loads[0].value > 0)
  assert.deepEqual([loads[0].page, loads[0].release, loads[0].environment, loads[0].navigation_type], ['/shop/:id', '1.2.3', 'test', 'navigate'])
  const requests = await rows("SELECT api_endpoint, method, status, error_context FROM performance_metrics WHERE type = 'api_response_time' ORDER BY api_endpoint")
  assert.deepEqual(requests, [
    { api_endpoint: '/api/broken/:id', method: 'POST', status: 500, error_context: '' },
    { api_endpoint: '/api/never', method: 'GET', status: 0, error_context: 'request timeout' },
    { api_endpoint: '/api/orders/:id', method: 'GET', status: 200, error_context: '' },
    { api_endpoint: '/api/xhr/:id', method: 'GET', status: 200, error_context: '' },
  ])
  const events = await rows("SELECT event_type, event_data.message::String AS message, event_data.page::String AS page FROM user_events WHERE session_id = (SELECT any(session_id) FROM performance_metrics) ORDER BY event_type, message, page")
  assert.deepEqual(events.filter(({ event_type }) => event_type === 'error_occurrence').map(({ message }) => message), ['nobody waits', 'out of colours'])
  assert.equal(events.filter(({ event_type }) => event_type === 'page_view').length, 2)
  const steps = await rows("SELECT step, effect_id, user_id FROM funnel_steps")
  assert.deepEqual(steps, [{ step: 'effect_viewed', effect_id: 'sepia', user_id: 'ada' }])
  assert.equal((await rows('SELECT metric FROM client_alerts')).length, 1)
  const policy = faults.filter((fault) => fault.includes('Content Security Policy'))
  assert.deepEqual(policy, [])
})

test('what was told at the last moment before the page is left or closed is stored once, of more than 64 KiB what is left on the next page', async () => {
  await open()
  await page.evaluate(() => {
    addEventListener('pagehide', () => {
      for (let n = 0; n < 300; n++) globalThis.fresnel.event('image_upload', { tag: 'leave', n: String(n), more: 'x'.repeat(400) })
    })
  })
  await open('/next')
  await eventuallyStored('leave', upTo(300))
  await tell('close', 0, 20)
  await page.close({ runBeforeUnload: true })
  await eventuallyStored('close', upTo(20))
})

test('a page that is offline waits for the network, and sends then', async () => {
  await open()
  await profile.setOffline(true)
  await tell('offline', 0, 50)
  await page.evaluate(() => globalThis.fresnel.flush())
  assert.deepEqual(await stored('offline'), [])
  await profile.setOffline(false)
  await eventuallyStored('offline', upTo(50))
})

test('with storage blocked everything works while the page lives, and at its end', async () => {
  await page.addInitScript(() => {
    Object.defineProperty(globalThis, 'localStorage', { get() { throw new DOMException('blocked', 'SecurityError') } })
  })
  await open()
  await tell('blocked', 0, 10)
  await page.evaluate(() => globalThis.fresnel.flush())
  await tell('blocked', 10, 20)
  await page.goto('about:blank')
  await eventuallyStored('blocked', upTo(20))
})

test('a page out of the back-forward cache goes on, as a new page view', async () => {
  await open('/cached')
  await tell('cached', 0, 5)
  await page.goto(`${site.url}/other`)
  // Of a page out of the cache there is no load event.
  await page.goBack({ waitUntil: 'commit' })
  const isSame = await page.evaluate(() => performance.getEntriesByType('navigation')[0].type)
  await tell('cached', 5, 10)
  await page.evaluate(() => globalThis.fresnel.flush())
  await eventuallyStored('cached', upTo(10))
  await eventually('the page view', async () => {
    const rows = await fresnel.query("SELECT event_data.navigation_type::String AS way FROM user_events WHERE event_type = 'page_view' AND event_data.page::String = '/cached'")
    // `navigate`: the document of the first time is there again.
    if (isSame !== 'navigate') return rows.length >= 2 || undefined
    return rows.some(({ way }) => way === 'back-forward-cache') || undefined
  })
})

test('429 with Retry-After is waited for, other refusals are not tried again, and an answer that was lost stores nothing twice', async () => {
  const times = []
  await page.route(`**${BATCH}?*`, async (route) => {
    times.push(Date.now())
    const headers = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'Retry-After' }
    if (times.length === 1) return route.fulfill({ status: 429, headers: { ...headers, 'retry-after': '2' }, body: '{}' })
    if (times.length === 2) {
      await route.fetch()
      return route.abort()
    }
    if (times.length === 4) return route.fulfill({ status: 404, headers, body: 'no such page' })
    return route.continue()
  })
  await open()
  await tell('again', 0, 10)
  await page.evaluate(() => globalThis.fresnel.flush())
  await eventually('the third try', () => (times.length >= 3 ? true : undefined))
  assert.ok(times[1] - times[0] >= 2_000)
  await eventuallyStored('again', upTo(10))
  const before = (await ledger('event')).client_lost
  await eventually('the answer', async () => (await page.evaluate(() => globalThis.fresnel.stats().waiting)) === 0 || undefined)
  await tell('again', 10, 15)
  await page.evaluate(() => globalThis.fresnel.flush())
  await eventually('the loss', async () => (await page.evaluate(() => globalThis.fresnel.stats().lost)) === 5 || undefined)
  await tell('again', 15, 16)
  await page.evaluate(() => globalThis.fresnel.flush())
  await eventuallyStored('again', [...upTo(10), 15])
  await eventually('the ledger', async () => (await ledger('event')).client_lost - before === 5 || undefined)
})

test('of page views with navigation away at random moments what was acknowledged is stored, nothing twice, and the rest is in the ledger', async () => {
  let seed = 42
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31
  const before = (await ledger('event')).client_lost
  const tag = `random-${Date.now()}`
  const acknowledged = new Set()
  page.on('response', async (answer) => {
    if (!answer.url().includes(BATCH) || answer.status() !== 202) return
    for (const { event_data } of JSON.parse(answer.request().postData()).items) {
      if (event_data?.tag === tag) acknowledged.add(Number(event_data.n))
    }
  })
  let made = 0
  for (let view = 0; view < PAGE_VIEWS; view++) {
    await open(`/view/${view}`)
    const moment = random()
    // Now and then a page tells of more than it may keep.
    const count = view % 25 === 7 ? 900 : Math.floor(random() * 20)
    await page.evaluate(
      ([tag, from, to, isFlushed]) => {
        for (let n = from; n < to; n++) {
          globalThis.fresnel.event('image_upload', { tag, n: String(n), more: 'y'.repeat((n * 37) % 900) })
          if (isFlushed && n === (from + to) >> 1) void globalThis.fresnel.flush()
        }
        addEventListener('pagehide', () => globalThis.fresnel.event('image_upload', { tag, n: String(to) }))
      },
      [tag, made, made + count, random() < 0.5],
    )
    made += count + 1
    await pause(moment * 40)
  }
  // The last page tells what is left, and what was lost. (The event at its end is not among those awaited.)
  await open('/last')
  await tell(tag, made, made + 1)
  made++
  await page.evaluate(() => globalThis.fresnel.flush())
  const account = await eventually('every event is accounted for', async () => {
    const all = await stored(tag)
    const lost = (await ledger('event')).client_lost - before
    const has = new Set(all)
    const isThere = [...acknowledged].every((n) => has.has(n))
    return isThere && all.length + lost >= made ? { all, lost } : undefined
  })
  const { all, lost } = account
  console.log(`${PAGE_VIEWS} page views: ${made} events made, ${acknowledged.size} seen acknowledged, ${all.length} stored, ${lost} lost and in the ledger`)
  assert.equal(new Set(all).size, all.length, 'nothing is stored twice')
  // A batch that was on its way when the page died and could not be kept is told as lost, though it may have arrived.
  assert.ok(all.length + lost <= made * 1.01, 'hardly more is told as lost than was')
  assert.equal((await ledger('event')).missing, 0)
})

test('what is told while the service is dead is stored once when it is back', async () => {
  await open()
  await tell('dead', 0, 10)
  await page.evaluate(() => globalThis.fresnel.flush())
  await tell('dead', 10, 20)
  await fresnel.kill()
  await page.evaluate(() => globalThis.fresnel.flush())
  await tell('dead', 20, 30)
  await fresnel.startAgain()
  await page.evaluate(() => globalThis.fresnel.flush())
  await eventuallyStored('dead', upTo(30))
})
