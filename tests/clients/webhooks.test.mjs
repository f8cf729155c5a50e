// Whoever gets webhooks checks them with the library of Standard Webhooks, which knows nothing of Fresnel.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { Webhook, WebhookVerificationError } from 'standardwebhooks'

import { startReceiver, startTelling, untilToldOf } from './alerting.mjs'

const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
const ANOTHER = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

let fresnel
let receiver

before(async () => {
  receiver = await startReceiver()
  fresnel = await startTelling({
    FRESNEL_ALERTS__WEBHOOK_URL: receiver.url,
    FRESNEL_ALERTS__WEBHOOK_SECRET: SECRET,
  })
  await untilToldOf(fresnel, (endpoint) => receiver.about(endpoint).length > 0)
})

after(async () => {
  await fresnel?.stop()
  await receiver?.stop()
})

/** What the library makes of a message, with what is changed of it. */
function verify(secret, message, { body = message.body, ...headers } = {}) {
  return new Webhook(secret).verify(body, { ...message.headers, ...headers })
}

test('the library takes what is sent, and nothing that was changed', async () => {
  await fresnel.postSlowCall('/api/checkout')
  const message = await receiver.first('/api/checkout')
  const payload = verify(SECRET, message)
  assert.equal(payload.type, 'alert.firing')
  const [notice] = payload.data.notices
  assert.equal(notice.title, 'Slow response')
  assert.deepEqual([notice.level, notice.value, notice.threshold], ['critical', 6_000, 5_000])
  assert.equal(message.headers['content-type'], 'application/json')

  const seconds = Number(message.headers['webhook-timestamp'])
  for (const changed of [
    { body: message.body.replace('critical', 'warning') },
    { body: `${message.body} ` },
    { 'webhook-id': 'another' },
    { 'webhook-timestamp': String(seconds + 1) },
    { 'webhook-timestamp': String(seconds - 3_600) },
  ]) {
    assert.throws(() => verify(SECRET, message, changed), WebhookVerificationError, JSON.stringify(changed))
  }
  assert.throws(() => verify(ANOTHER, message), WebhookVerificationError)
})

test('each try of a message has its id and its body, and is signed anew', async () => {
  receiver.statusOf = ({ notice }) =>
    notice.labels.api_endpoint === '/api/search' && receiver.about('/api/search').length < 3 ? 500 : undefined
  const channel = await fresnel.presetChannel('Preset webhook')
  await fresnel.postSlowCall('/api/search')
  const delivery = await fresnel.settled(channel, '/api/search')

  assert.equal(delivery.state, 'delivered')
  const outcomes = delivery.tries.map((attempt) => [attempt.number, attempt.status, attempt.outcome])
  assert.deepEqual(outcomes, [
    [1, 500, 'retried'],
    [2, 500, 'retried'],
    [3, 204, 'delivered'],
  ])
  const tries = receiver.about('/api/search')
  assert.equal(tries.length, 3)
  assert.equal(new Set(tries.map((message) => message.headers['webhook-id'])).size, 1)
  assert.equal(new Set(tries.map((message) => message.body)).size, 1)
  for (const message of tries) verify(SECRET, message)
})

test('what is refused is dead after one try, and comes with the same id when it is sent again', async () => {
  let isWrong = true
  receiver.statusOf = ({ notice }) => (notice.labels.api_endpoint === '/api/login' && isWrong ? 404 : undefined)
  const channel = await fresnel.presetChannel('Preset webhook')
  await fresnel.postSlowCall('/api/login')
  const dead = await fresnel.settled(channel, '/api/login')
  assert.deepEqual([dead.state, dead.tries.length, dead.last_error], ['dead', 1, 'it answered 404'])

  isWrong = false
  const replayed = await fresnel.manage('POST', '/api/deliveries/replay', { channel_id: channel.id })
  assert.deepEqual(replayed, { replayed: 1 })
  const delivery = await fresnel.settled(channel, '/api/login')
  assert.equal(delivery.state, 'delivered')
  const [first, again] = receiver.about('/api/login')
  assert.equal(first.headers['webhook-id'], again.headers['webhook-id'])
  verify(SECRET, again)
})

test('the old and the new secret are good for what is sent after a change', async () => {
  const channel = await fresnel.presetChannel('Preset webhook')
  const { secret } = await fresnel.manage('POST', `/api/channels/${channel.id}/rotate`)
  await fresnel.postSlowCall('/api/upload')
  const message = await receiver.first('/api/upload')
  assert.deepEqual(verify(secret, message), verify(SECRET, message))
  assert.throws(() => verify(ANOTHER, message), WebhookVerificationError)
  for (const good of [SECRET, secret]) {
    const changed = { body: message.body.replace('critical', 'warning') }
    assert.throws(() => verify(good, message, changed), WebhookVerificationError)
  }

  // A test is signed like everything else.
  const attempt = await fresnel.manage('POST', `/api/channels/${channel.id}/test`)
  assert.equal(attempt.outcome, 'delivered')
  const { type } = verify(secret, receiver.messages.at(-1))
  assert.equal(type, 'alert.test')
})
