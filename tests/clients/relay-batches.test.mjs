// Calls that go together in one, and whose call goes first.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { eventually } from '../fresnel.mjs'
import { startRelay } from './relaying.mjs'

/** Longer than anything here takes: what was sent before was sent for another reason than the time. */
const WAIT_MS = 10_000

let relay

before(async () => {
  relay = await startRelay({
    FRESNEL_RELAY__BATCH_WAIT_MS: String(WAIT_MS),
    FRESNEL_RELAY__DEADLINE_MS: '30000',
  })
})

after(() => relay?.stop())

/** Answers each text with its length, as vendors of embeddings do; refuses a list that has `bad` in it. */
function embeddings({ body, headers }) {
  const { input, model } = JSON.parse(body)
  const texts = [input].flat()
  if (texts.includes('bad')) return { status: 400, body: JSON.stringify({ error: 'bad text' }) }
  // Backwards: their places tell whose they are.
  const data = texts.map((text, index) => ({ index, embedding: [text.length] })).reverse()
  const answer = JSON.stringify({ model, data, usage: { total: texts.length } })
  const isPacked = headers['accept-encoding']?.includes('gzip')
  const encoding = isPacked ? { 'Content-Encoding': 'gzip' } : {}
  return { headers: { 'Content-Type': 'application/json', ...encoding }, body: isPacked ? gzipSync(answer) : answer }
}

const openai = (slug) => relay.integrated(slug, embeddings, { service: 'openai' })

function embed({ call }, input, priority, fields = {}) {
  return call('/embeddings', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(priority && { 'X-Fresnel-Priority': priority }) },
    body: JSON.stringify({ model: 'small', input, ...fields }),
  })
}

const lengths = async (answer) => (await answer.json()).data.map(({ index, embedding }) => [index, embedding[0]])

test('calls that have time go together when there are enough of them, and each gets its own answers', async () => {
  const service = await openai('full')
  const begun = performance.now()
  const inputs = ['a', ['bb', 'ccc'], 'dddd', ['eeeee'], 'ffffff', ['g', 'hh', 'iii'], 'j']
  const answers = await Promise.all(inputs.map((input) => embed(service, input, 'low')))
  assert.ok(performance.now() - begun < WAIT_MS)
  assert.equal(service.vendor.calls.length, 1)
  assert.equal([JSON.parse(service.vendor.calls[0].body).input].flat().length, 10)
  const expected = inputs.map((input) => [input].flat().map((text, place) => [place, text.length]))
  assert.deepEqual(await Promise.all(answers.map(lengths)), expected)
  assert.deepEqual(answers.map((answer) => answer.headers.get('x-fresnel-batch')), Array(7).fill('7'))
  const tries = answers.map((answer) => Number(answer.headers.get('x-fresnel-tries')))
  assert.equal(tries.reduce((sum, one) => sum + one), 1, 'the vendor was called once')
})

test('a call that has no time goes at once, and takes those along that wait', async () => {
  const service = await openai('hurry')
  const begun = performance.now()
  const alone = await embed(service, 'x')
  assert.deepEqual([alone.headers.get('x-fresnel-batch'), await lengths(alone)], [null, [[0, 1]]])
  const patient = embed(service, ['aa', 'b'], 'low')
  // Another model is another call: it does not go with these.
  const other = embed(service, 'other', 'low', { model: 'large' })
  let urgent
  do urgent = await embed(service, 'ccc', 'high')
  while (urgent.headers.get('x-fresnel-batch') === null && performance.now() - begun < WAIT_MS)
  assert.deepEqual(await lengths(urgent), [[0, 3]])
  assert.deepEqual(await lengths(await patient), [[0, 2], [1, 1]])
  assert.ok(performance.now() - begun < WAIT_MS)
  const batch = service.vendor.calls.at(-1)
  assert.deepEqual(JSON.parse(batch.body), { model: 'small', input: ['aa', 'b', 'ccc'] })
  await embed(service, 'now', 'normal', { model: 'large' })
  assert.deepEqual(await lengths(await other), [[0, 5]])
})

test('when the vendor refuses what went together, nobody is refused for what others asked', async () => {
  const service = await openai('taken-apart')
  const inputs = [['a', 'b', 'c', 'd'], 'bad', ['e', 'f', 'g', 'h', 'i']]
  const answers = await Promise.all(inputs.map((input) => embed(service, input, 'low')))
  assert.deepEqual(answers.map(({ status }) => status), [200, 400, 200])
  assert.equal((await answers[1].json()).error, 'bad text')
  assert.equal((await lengths(answers[2])).length, 5)
  assert.equal(service.vendor.calls.length, 4, 'all together, then each alone')
})

test('what a call asks for is never mixed with what cannot be told apart', async () => {
  const service = await openai('single')
  const tokens = await embed(service, [1, 2, 3], 'low').then((answer) => answer.status)
  assert.equal(tokens, 200)
  const many = Array.from({ length: 12 }, (_, n) => `text ${n}`)
  assert.equal((await lengths(await embed(service, many, 'low'))).length, 12)
  assert.equal(service.vendor.calls.length, 2, 'each at once and alone')
})

test('where calls wait for the vendor’s limit, those in a hurry go first', async () => {
  const service = await relay.integrated('line', () => ({ body: 'ok' }), { rate_limit: { calls: 1, window_s: 2 } })
  const call = (path, priority) => service.call(path, { headers: { 'X-Fresnel-Priority': priority } })
  assert.equal((await call('/first', 'normal')).status, 200)
  const waiting = [call('/low', 'low'), call('/normal', 'normal'), call('/high', 'high')]
  assert.deepEqual((await Promise.all(waiting)).map(({ status }) => status), [200, 200, 200])
  assert.deepEqual(service.vendor.calls.map(({ url }) => url), ['/base/first', '/base/high', '/base/normal', '/base/low'])
  const refused = await call('/x', 'urgent')
  assert.equal(refused.status, 400)
  assert.equal((await refused.json()).details[0].field, 'X-Fresnel-Priority')
})

test('batched calls are told apart in what is measured of the vendor', async () => {
  const service = await openai('measured')
  await Promise.all(['aaa', 'bbb'].map((input) => embed(service, [input, 'x', 'y', 'z', 'w'], 'low')))
  assert.equal(service.vendor.calls.length, 1)
  const rows = await eventually('both are measured', async () => {
    const rows = await relay.fresnel.query(`
      SELECT origin, tries, outcome, status FROM vendor_calls WHERE integration = 'measured' AND side = 'relay' ORDER BY origin`)
    return rows.length === 2 ? rows : undefined
  })
  assert.deepEqual(rows, [
    { origin: 'batched', tries: 0, outcome: 'answered', status: 200 },
    { origin: 'miss', tries: 1, outcome: 'answered', status: 200 },
  ])
})
