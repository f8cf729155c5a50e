// Bodies of relayed calls that are too long to be held, and calls that are under way while Fresnel ends.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { after, before, test } from 'node:test'

import { eventually } from '../fresnel.mjs'
import { startRelay } from './relaying.mjs'

const HELD_MAX = 64 * 1024
const BODY_MAX = 32 * 1024 * 1024

let relay

before(async () => {
  relay = await startRelay({
    FRESNEL_RELAY__HELD_BODY_MAX_BYTES: String(HELD_MAX),
    FRESNEL_RELAY__HELD_BYTES_MAX: String(HELD_MAX * 2),
    FRESNEL_RELAY__BODY_MAX_BYTES: String(BODY_MAX),
    FRESNEL_RELAY__DEADLINE_MS: '30000',
    FRESNEL_SERVER__BODY_TIMEOUT_MS: '1500',
    FRESNEL_SERVER__SHUTDOWN_TIMEOUT_MS: '2000',
  })
})

after(() => relay?.stop())

const sum = (data) => createHash('sha256').update(data).digest('hex')

/** A call whose body is written piece by piece; `answer` is a promise of it. */
function slowCall(url, headers = {}) {
  const request = http.request(url, {
    method: 'POST',
    agent: false,
    headers: { Authorization: `Bearer ${relay.relayKey}`, ...headers },
  })
  const answer = new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', async (response) => {
      const parts = []
      for await (const part of response) parts.push(part)
      resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString() })
    })
  })
  return { request, answer }
}

test('a body that is too long to be held reaches the vendor as it is, with its length if that is known', async () => {
  const { vendor, call } = await relay.integrated('uploads', () => ({ body: 'taken' }))
  const body = Buffer.alloc(20 * 1024 * 1024, 'fresnel ')
  const sized = await call('/upload', { method: 'POST', body })
  assert.deepEqual([sized.status, await sized.text()], [200, 'taken'])
  const pieces = new ReadableStream({
    start(controller) {
      for (let at = 0; at < body.length; at += 100_000) controller.enqueue(body.subarray(at, at + 100_000))
      controller.close()
    },
  })
  assert.equal((await call('/upload', { method: 'PUT', body: pieces, duplex: 'half' })).status, 200)
  for (const seen of vendor.calls) assert.equal(sum(seen.body), sum(body))
  assert.deepEqual(vendor.calls.map(({ headers }) => headers['content-length']), [String(body.length), undefined])
})

test('bytes reach the vendor while more of them are on their way', async () => {
  let seen = 0
  const { call, url, vendor } = await relay.integrated('streamed', () => ({ body: 'ok' }))
  assert.ok(call)
  vendor.server.prependListener('request', (request) => request.on('data', (data) => (seen += data.length)))
  const { request, answer } = slowCall(`${url}/x`)
  request.write(Buffer.alloc(HELD_MAX + 1, 'a'))
  await eventually('the first bytes are there', () => (seen > HELD_MAX ? true : undefined))
  request.end('rest')
  assert.equal((await answer).status, 200)
  assert.equal(seen, HELD_MAX + 5)
})

test('a call that cannot be sent again is tried once, and a key wants a body that is held', async () => {
  const { vendor, call } = await relay.integrated('once', () => ({ status: 503, body: 'busy' }))
  const long = 'x'.repeat(HELD_MAX + 1)
  const answer = await call('/x', { method: 'PUT', body: long })
  assert.deepEqual([answer.status, answer.headers.get('x-fresnel-tries'), vendor.calls.length], [503, '1', 1])
  const keyed = await call('/x', { method: 'POST', body: long, headers: { 'Idempotency-Key': 'k' } })
  assert.deepEqual([keyed.status, (await keyed.json()).code], [413, 'IDEMPOTENT_BODY_TOO_LARGE'])
  assert.equal(vendor.calls.length, 1)
})

test('a body that breaks off, stalls or is too long is the product’s fault and not the vendor’s', async () => {
  const { vendor, call, url } = await relay.integrated('broken-off', () => ({ body: 'ok' }))
  for (let n = 0; n < 6; n++) {
    const { request, answer } = slowCall(`${url}/x`, { 'Content-Length': BODY_MAX })
    const [[, error]] = await Promise.all([
      Promise.allSettled([once(request, 'close'), answer]),
      new Promise((resolve) => request.write(Buffer.alloc(HELD_MAX * 2), resolve)).then(() => request.destroy()),
    ])
    assert.equal(error.status, 'rejected')
  }
  const stalled = slowCall(`${url}/x`)
  stalled.request.write(Buffer.alloc(HELD_MAX * 2))
  const { status, body } = await stalled.answer
  assert.deepEqual([status, JSON.parse(body).code], [408, 'BODY_TIMEOUT'])
  stalled.request.destroy()
  const endless = slowCall(`${url}/x`)
  const piece = Buffer.alloc(1024 * 1024)
  let isOver = false
  const answered = endless.answer.finally(() => (isOver = true))
  endless.request.on('error', () => {})
  for (let n = 0; n < 64 && !isOver; n++) await new Promise((resolve) => endless.request.write(piece, resolve))
  assert.equal((await answered).status, 413)
  endless.request.destroy()
  assert.equal(vendor.calls.length, 0, 'no call was whole')
  // Eight such calls in a row would have opened the breaker.
  const good = await call('/x', { method: 'POST', body: 'short' })
  assert.deepEqual([good.status, good.headers.get('x-fresnel-breaker')], [200, 'closed'])
})

test('a vendor that answers before it has read all is heard', async () => {
  const { call, vendor } = await relay.integrated('hasty', () => undefined)
  vendor.server.removeAllListeners('request')
  vendor.server.on('request', (request, response) => {
    response.writeHead(422)
    response.end('too much')
    request.resume()
  })
  const answer = await call('/x', { method: 'POST', body: Buffer.alloc(4 * 1024 * 1024) })
  assert.deepEqual([answer.status, await answer.text()], [422, 'too much'])
})

test('a vendor that takes nothing of a body is given up, and its circuit hears of it', async () => {
  const other = await startRelay({
    FRESNEL_RELAY__HELD_BODY_MAX_BYTES: String(HELD_MAX),
    FRESNEL_RELAY__DEADLINE_MS: '1500',
    FRESNEL_BREAKER__OPEN_MS: '60000',
  })
  const { call, vendor } = await other.integrated('deaf', () => undefined)
  vendor.server.removeAllListeners('request')
  vendor.server.on('request', () => {})
  // Longer than what systems keep on the way.
  const body = Buffer.alloc(20 * 1024 * 1024)
  for (let n = 0; n < 5; n++) {
    const answer = await call('/x', { method: 'POST', body })
    assert.deepEqual([answer.status, (await answer.json()).code], [502, 'EXTERNAL_API_RETRY_FAILED'])
  }
  const { code } = await (await call('/x')).json()
  assert.equal(code, 'VENDOR_LEFT_ALONE')
  await other.stop()
})

test('a call that is under way when Fresnel ends is answered, longer than other requests may take', async () => {
  let goOn
  const { call } = await relay.integrated('last', ({ response }) => {
    goOn = () => response.end('at last')
  })
  const answer = call('/x')
  await eventually('the vendor is called', () => (goOn ? true : undefined))
  const ended = relay.fresnel.terminate()
  const begun = performance.now()
  // Behind the time of a stop: what else is under way would have been cut off.
  await eventually('the time of other requests is over', () => (performance.now() - begun > 4_000 ? true : undefined))
  goOn()
  const { status, headers } = await answer
  assert.equal(status, 200)
  assert.equal(headers.get('connection'), 'close')
  assert.equal(await (await answer).text(), 'at last')
  await ended
  assert.ok(performance.now() - begun < 25_000, 'it does not wait for the whole deadline')
})

test('whoever asks for the stop twice does not wait for vendors', async () => {
  const other = await startRelay({ FRESNEL_RELAY__DEADLINE_MS: '60000', FRESNEL_SERVER__SHUTDOWN_TIMEOUT_MS: '20000' })
  let isCalled = false
  const { call } = await other.integrated('silent', () => {
    isCalled = true
  })
  const isCut = assert.rejects(call('/x'))
  await eventually('the vendor is called', () => isCalled || undefined)
  const begun = performance.now()
  const ended = other.fresnel.terminate()
  const isRefused = () =>
    new Promise((resolve) => {
      const request = http.get(`${other.fresnel.url}/livez`, { agent: false }, (response) => resolve(void response.resume()))
      request.on('error', () => resolve(true))
    })
  await eventually('no new connections', isRefused)
  await other.fresnel.terminate()
  await ended
  assert.ok(performance.now() - begun < 40_000, 'the vendor had a minute')
  await isCut
  await other.stop()
})
