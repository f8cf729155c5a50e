// A mail server that knows nothing of Fresnel takes its mails, or does not.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { eventually } from '../fresnel.mjs'
import { startReceiver, startTelling, untilToldOf } from './alerting.mjs'
import { startMailServer } from './mail-server.mjs'

const UMLAUTS = '/api/größe-überprüfen'
/** Who is mailed about which endpoints; how the server treats them is in their names. */
const CHANNELS = {
  'eve@shop.example': [UMLAUTS],
  'room@shop.example': ['/api/first', '/api/second'],
  'refused@shop.example': ['/api/first'],
  'twice@shop.example': ['/api/first'],
}

let fresnel
let server
let receiver
const channels = {}

// Mails wait ten seconds for others; so all are posted here, and wait at the same time.
before(async () => {
  server = await startMailServer()
  receiver = await startReceiver()
  fresnel = await startTelling({
    FRESNEL_SMTP__HOST: '127.0.0.1',
    FRESNEL_SMTP__PORT: String(server.port),
    FRESNEL_SMTP__TLS: 'none',
    FRESNEL_SMTP__FROM: 'Fresnel <alerts@fresnel.example>',
    FRESNEL_ALERTS__EMAIL_RECIPIENTS: 'ada@shop.example,bob@shop.example',
    FRESNEL_ALERTS__DASHBOARD_URL: 'https://fresnel.example',
    FRESNEL_ALERTS__WEBHOOK_URL: receiver.url,
  })
  await untilToldOf(fresnel, (endpoint) => receiver.about(endpoint).length > 0)
  for (const [recipient, endpoints] of Object.entries(CHANNELS)) {
    channels[recipient] = await fresnel.manage('POST', '/api/channels', {
      name: recipient,
      target: { kind: 'email', recipients: [recipient] },
      matcher: [{ label: 'api_endpoint', values: endpoints }],
    })
  }
  await fresnel.postSlowCall(UMLAUTS)
  await fresnel.postSlowCall('/api/first')
  await pause(1_500)
  await fresnel.postSlowCall('/api/second')
})

after(async () => {
  await fresnel?.stop()
  await receiver?.stop()
  await server?.stop()
})

const outcomes = (delivery) => delivery.tries.map((attempt) => attempt.outcome)

test('a mail says in text and HTML, in any letters, what has happened', async () => {
  const mail = await eventually('the mail', () => server.to('eve@shop.example')[0])
  assert.equal(mail.from, 'alerts@fresnel.example')
  assert.ok(mail.is_ascii, 'any server takes it')
  const { headers } = mail
  assert.equal(headers.subject, `[default] Critical: Slow response · api_endpoint ${UMLAUTS}`)
  assert.equal(headers.from, 'Fresnel <alerts@fresnel.example>')
  assert.equal(headers.to, 'eve@shop.example')
  assert.equal(headers['auto-submitted'], 'auto-generated')
  assert.match(headers['content-type'], /^multipart\/alternative/)
  assert.match(headers['message-id'], /^<[0-9a-f-]{36}@fresnel\.example>$/)
  assert.ok(Math.abs(Date.parse(headers.date) - Date.now()) < 300_000, headers.date)
  for (const part of [mail.plain, mail.html]) {
    assert.ok(part.includes(`Critical: Slow response · api_endpoint ${UMLAUTS}`), part)
    assert.ok(part.includes('6,000 ms is above 5,000 ms'), part)
    assert.ok(part.includes('https://fresnel.example/alerts/'), part)
  }
  assert.match(mail.html, /^<!doctype html>/)
})

test('those of the settings are in one mail', async () => {
  const mail = await eventually('the mail', () =>
    server.to('bob@shop.example').find((mail) => mail.plain.includes(UMLAUTS)),
  )
  assert.deepEqual(mail.to, ['ada@shop.example', 'bob@shop.example'])
  assert.equal(mail.headers.to, 'ada@shop.example, bob@shop.example')
})

test('what happens within ten seconds is one mail', async () => {
  const mail = await eventually('the mail', () => server.to('room@shop.example')[0])
  assert.equal(
    mail.headers.subject,
    '[default] 2 alerts: Critical: Slow response · api_endpoint /api/first …',
  )
  for (const part of [mail.plain, mail.html]) {
    assert.ok(part.includes('api_endpoint /api/first') && part.includes('api_endpoint /api/second'), part)
  }
})

test('what the server refuses for good is tried once, and is dead', async () => {
  const delivery = await fresnel.settled(channels['refused@shop.example'], '/api/first')
  assert.deepEqual([delivery.state, delivery.attempts], ['dead', 1])
  assert.deepEqual(outcomes(delivery), ['given_up'])
  assert.match(delivery.last_error, /refused@shop\.example.*550.*there is no such mailbox/)
  assert.deepEqual(server.to('refused@shop.example'), [])
})

test('what it refuses for now is tried until it is taken, and is then one mail', async () => {
  const delivery = await fresnel.settled(channels['twice@shop.example'], '/api/first')
  assert.equal(delivery.state, 'delivered')
  assert.deepEqual(outcomes(delivery), ['retried', 'retried', 'delivered'])
  assert.match(delivery.tries[0].error, /twice@shop\.example.*450/)
  const mails = () => server.to('twice@shop.example')
  await eventually('the mail', () => mails()[0])
  assert.equal(mails().length, 1)

  // Whoever has it sent again can tell that it is the same.
  await fresnel.manage('POST', `/api/deliveries/${delivery.id}/replay`)
  await eventually('the mail again', () => mails()[1])
  const [first, again] = mails()
  assert.equal(first.headers['message-id'], again.headers['message-id'])
})
