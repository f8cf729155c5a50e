// A product's calls through the relay, to a vendor that behaves as vendors do.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { eventually } from '../fresnel.mjs'
import { VENDOR_SECRET, startRelay } from './relaying.mjs'

let relay, fresnel, relayKey, manage, integrated

before(async () => {
  relay = await startRelay({ FRESNEL_RELAY__BODY_MAX_BYTES: '65536' })
  ;({ fresnel, relayKey, manage, integrated } = relay)
})

after(() => relay?.stop())

/** Runs as many at once as `lanes`, so that all are done in the end. */
async function inLanes(count, lanes, work) {
  let next = 0
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (next < count) await work(next++)
    }),
  )
}

/** Numbers from 0 to 1 that are the same in each run. */
function numbers(seed) {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

/** What a vendor does that fails now and then: answers it, and a share of failures of all kinds. */
function failing(share, random = numbers(7)) {
  const failures = [
    { status: 500 },
    { status: 503 },
    { status: 429, headers: { 'Retry-After': '0' } },
    'reset',
    { status: 504 },
  ]
  return () => (random() < share ? failures[Math.floor(random() * failures.length)] : { body: 'done' })
}

test('the vendor sees its own credential and none of ours, and the product all that the vendor says', async () => {
  const { vendor, call } = await integrated('plain', () => ({
    status: 402,
    headers: { 'X-Vendor': 'yes', 'Content-Type': 'text/plain', Connection: 'keep-alive' },
    body: 'no money',
  }))
  const answer = await call('/v1/a%2Fb?x=%20y&z', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Cookie: 'a=b', 'X-Fresnel-Page': '/pay', 'X-Api-Key': 'ours', 'X-Own': '1' },
    body: '{"amount":5}',
  })
  assert.equal(answer.status, 402)
  assert.equal(await answer.text(), 'no money')
  assert.equal(answer.headers.get('x-vendor'), 'yes')
  assert.equal(answer.headers.get('x-fresnel-tries'), '1')
  assert.equal(answer.headers.get('x-fresnel-cache'), 'miss')
  assert.equal(answer.headers.get('x-fresnel-breaker'), 'closed')
  const [seen] = vendor.calls
  assert.deepEqual([seen.method, seen.url, seen.body], ['POST', '/base/v1/a%2Fb?x=%20y&z', '{"amount":5}'])
  assert.equal(seen.headers.authorization, `Bearer ${VENDOR_SECRET}`)
  assert.equal(seen.headers['x-own'], '1')
  assert.equal(seen.headers.host, new URL(vendor.url).host)
  for (const name of ['cookie', 'x-api-key', 'x-fresnel-page', 'x-forwarded-for']) assert.equal(seen.headers[name], undefined, name)
  assert.ok(!JSON.stringify(seen.headers).includes(relayKey))
})

test('99.9 % of calls that may be tried again succeed while 5 % of single tries fail', async () => {
  const { vendor, call } = await integrated('flaky', failing(0.05))
  const count = 3_000
  let good = 0
  await inLanes(count, 20, async (n) => {
    const answer = await call(`/things/${n}`)
    await answer.arrayBuffer()
    if (answer.status === 200) good += 1
  })
  assert.ok(good >= count * 0.999, `${good} of ${count}`)
  assert.ok(vendor.calls.length > count, 'some were tried again')
})

test('of 10,000 calls that are not idempotent and have no key none reaches the vendor twice', async () => {
  const { vendor, call } = await integrated('payments', failing(0.05), { name: 'Payments' })
  await inLanes(10_000, 20, async (n) => {
    // The breaker may open when failures follow each other: such a call is refused before the vendor.
    await (await call('/charges', { method: 'POST', body: `charge ${n}` })).arrayBuffer()
  })
  const times = new Map()
  for (const { body } of vendor.calls) times.set(body, (times.get(body) ?? 0) + 1)
  assert.deepEqual([...times].filter(([, count]) => count > 1), [])
  assert.ok(times.size > 9_000, `${times.size} reached the vendor`)
})

test('under one key one call is made, whoever sends it again gets its answer, and another call is refused', async () => {
  let failures = 2
  const { vendor, call } = await integrated('keyed', () => (failures-- > 0 ? 'reset' : { status: 201, body: 'made', afterMs: 50 }))
  const charge = (body, key = 'k-1') =>
    call('/charges', { method: 'POST', headers: { 'Idempotency-Key': key }, body })
  const answers = await Promise.all(Array.from({ length: 10 }, () => charge('five')))
  for (const answer of answers) assert.deepEqual([answer.status, await answer.text()], [201, 'made'])
  assert.equal(vendor.calls.length, 3, 'two tries that failed, and the one that did not')
  assert.equal(answers.filter((answer) => answer.headers.get('x-fresnel-cache') === 'repeated').length, 9)
  const other = await charge('six')
  assert.deepEqual([other.status, (await other.json()).code], [422, 'IDEMPOTENCY_KEY_REUSED'])
  assert.equal((await charge('six', 'k-2')).status, 201)
})

test('a vendor that keeps failing is left alone, tried after a time, and used again when it is well', async () => {
  let isWell = false
  const { vendor, call } = await integrated('broken', () => (isWell ? { body: 'ok' } : { status: 500 }))
  const post = () => call('/x', { method: 'POST' })
  for (let n = 0; n < 5; n++) assert.equal((await post()).status, 500)
  const refused = await post()
  assert.deepEqual([refused.status, (await refused.json()).code], [503, 'VENDOR_LEFT_ALONE'])
  assert.ok(Number(refused.headers.get('retry-after')) >= 1)
  assert.equal(vendor.calls.length, 5)
  isWell = true
  const first = await eventually('it is tried again', async () => {
    const answer = await post()
    return answer.status === 200 ? answer : undefined
  })
  assert.equal(first.headers.get('x-fresnel-breaker'), 'half_open')
  assert.equal((await post()).headers.get('x-fresnel-breaker'), 'half_open')
  assert.equal((await post()).headers.get('x-fresnel-breaker'), 'closed')
})

test('calls wait for their turn by the vendor’s limit, and are refused when there is none before the deadline', async () => {
  const limited = { rate_limit: { calls: 5, window_s: 1 } }
  const { vendor, call } = await integrated('limited', () => ({ body: 'ok' }), limited)
  const answers = await Promise.all(Array.from({ length: 12 }, () => call('/x')))
  assert.deepEqual(answers.map(({ status }) => status), Array(12).fill(200))
  const times = vendor.calls.map(({ atMs }) => atMs).sort((a, b) => a - b)
  // What left in time may arrive closer together, but the sixth left a second behind the first.
  assert.ok(times[11] - times[0] > 1_500, `${times[11] - times[0]} ms`)
  const hours = { rate_limit: { calls: 1, window_s: 3_600 } }
  const { call: callRarely } = await integrated('rare', () => ({ body: 'ok' }), hours)
  assert.equal((await callRarely('/x')).status, 200)
  const refused = await callRarely('/x')
  assert.deepEqual([refused.status, (await refused.json()).code], [429, 'VENDOR_RATE_LIMIT'])
  assert.ok(Number(refused.headers.get('retry-after')) > 3_000)
})

test('an answer comes to the product as it comes from the vendor', async () => {
  let goOn
  const { call } = await integrated('slow', ({ response }) => {
    response.writeHead(200)
    response.write('first')
    goOn = () => response.end('last')
  })
  const reader = (await call('/stream')).body.getReader()
  const text = async () => new TextDecoder().decode((await reader.read()).value)
  assert.equal(await text(), 'first')
  goOn()
  assert.equal(await text(), 'last')
  assert.equal((await reader.read()).done, true)
})

test('how far a task has come is asked of the vendor once, for as long as it holds', async () => {
  let state = 'queued'
  const { vendor, call } = await integrated('tasks', () => ({ body: JSON.stringify({ status: state }) }), { service: 'assemblyai' })
  const ask = async (id) => {
    const answer = await call(`/transcript/${id}`)
    return [(await answer.json()).status, answer.headers.get('x-fresnel-cache')]
  }
  assert.deepEqual(await ask('a'), ['queued', 'miss'])
  assert.deepEqual(await ask('a'), ['queued', 'hit'])
  state = 'completed'
  assert.deepEqual(await ask('a'), ['queued', 'hit'])
  assert.deepEqual(await ask('b'), ['completed', 'miss'])
  const together = await Promise.all(Array.from({ length: 10 }, () => ask('c')))
  assert.deepEqual(together.filter(([, origin]) => origin === 'miss').length, 1)
  assert.equal(vendor.calls.length, 3)
})

test('each call of a vendor is a measurement, with what the product says of whom it is for', async () => {
  let failures = 1
  const { call } = await integrated('measured', () => (failures-- > 0 ? { status: 503 } : { body: 'ok' }))
  const headers = { 'X-Fresnel-Session': 'session-9', 'X-Fresnel-User': 'ada', 'X-Fresnel-Page': '/checkout' }
  assert.equal((await call('/v1/customers/123', { headers })).status, 200)
  const [row] = await eventually('the measurement', async () => {
    const rows = await fresnel.query(`
      SELECT type, api_endpoint, method, status, page, session_id, user_id, value > 0 AS took,
        metadata.vendor::String AS vendor, metadata.integration::String AS integration,
        metadata.status_class::String AS class, metadata.tries::String AS tries
      FROM performance_metrics WHERE metadata.integration::String = 'measured'`)
    return rows.length ? rows : undefined
  })
  assert.deepEqual(row, {
    type: 'api_response_time',
    api_endpoint: '/relay/measured/v1/customers/:id',
    method: 'GET',
    status: 200,
    page: '/checkout',
    session_id: 'session-9',
    user_id: 'ada',
    took: 1,
    vendor: 'stripe',
    integration: 'measured',
    class: '2xx',
    tries: '2',
  })
})

test('what cannot be called says why', async () => {
  const { vendor, integration, call } = await integrated('refused', () => 'reset')
  const refusal = async (answered) => {
    const answer = await answered
    const body = await answer.json()
    return [answer.status, body.code, body.retry_attempts]
  }
  const as = (key) => fetch(`${fresnel.url}/relay/refused/x`, { headers: key ? { Authorization: `Bearer ${key}` } : {} })
  assert.deepEqual(await refusal(as()), [401, 'UNAUTHENTICATED', undefined])
  assert.deepEqual(await refusal(as(fresnel.ingestKey)), [403, 'FORBIDDEN', undefined])
  assert.deepEqual(await refusal(as(fresnel.adminToken)), [403, 'FORBIDDEN', undefined])
  const nobody = fetch(`${fresnel.url}/relay/nobody/x`, { headers: { Authorization: `Bearer ${relayKey}` } })
  assert.deepEqual(await refusal(nobody), [404, 'NOT_FOUND', undefined])
  assert.deepEqual(await refusal(call('/x', { method: 'POST', body: 'x'.repeat(65_537) })), [413, 'TOO_LARGE', undefined])
  assert.equal(vendor.calls.length, 0)
  assert.deepEqual(await refusal(call('/x')), [502, 'EXTERNAL_API_RETRY_FAILED', 3])
  assert.deepEqual(await refusal(call('/x', { method: 'POST' })), [502, 'EXTERNAL_API_RETRY_FAILED', 1])
  const path = `/api/integrations/${integration.id}`
  await manage('PATCH', path, { revision: 1, credential: null })
  assert.deepEqual(await refusal(call('/x')), [409, 'INTEGRATION_INCOMPLETE', undefined])
  await manage('PATCH', path, { revision: 2, is_enabled: false })
  assert.deepEqual(await refusal(call('/x')), [503, 'INTEGRATION_OFF', undefined])
})

test('a vendor that never answers costs no more than the deadline', async () => {
  const { call } = await integrated('silent', () => undefined)
  const answer = await call('/x')
  const { code, retry_attempts } = await answer.json()
  assert.deepEqual([answer.status, code, retry_attempts], [502, 'EXTERNAL_API_RETRY_FAILED', 1])
})
