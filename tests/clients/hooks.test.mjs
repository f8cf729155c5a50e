// Webhooks, signed as vendors sign them, on their way to events of the project.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHmac, createSign, generateKeyPairSync } from 'node:crypto'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { eventually, startFresnel } from '../fresnel.mjs'

const run = promisify(execFile)
const python = process.env.TEST_PYTHON ?? fileURLToPath(new URL('../../target/test-venv/bin/python', import.meta.url))

const SECRET = 'signing-secret-hidden'
const hmac = (message, digest = 'sha256', encoding = 'hex') => createHmac(digest, SECRET).update(message).digest(encoding)
const nowS = () => Math.floor(Date.now() / 1_000)
const json = { 'Content-Type': 'application/json' }

let fresnel

before(async () => {
  fresnel = await startFresnel({ FRESNEL_QUOTA__API_PER_MINUTE: '0', FRESNEL_FLUSH__MAX_WAIT_MS: '50' })
})

after(() => fresnel?.stop())

const manage = (...call) => fresnel.manage(...call)

const integrated = (service, fields = {}) =>
  manage('POST', '/api/integrations', { service, signing_secret: SECRET, ...fields })

const post = (path, headers, body) => fetch(fresnel.url + path, { method: 'POST', headers, body })

/** The webhooks of an integration that are stored, as soon as there are so many. */
const stored = (slug, count = 1) =>
  eventually(`${count} webhooks of ${slug}`, async () => {
    const rows = await fresnel.query(`
      SELECT toString(event_id) AS id, event_data.happened::String AS happened, event_data.vendor::String AS vendor, toString(event_data) AS data
      FROM user_events WHERE event_type = 'integration_webhook' AND event_data.integration::String = '${slug}'`)
    return rows.length >= count ? rows : undefined
  })

/** Of each vendor: a webhook that is the vendor's, and what it says has happened. */
const VENDORS = {
  stripe(path) {
    const body = JSON.stringify({ id: 'evt_1', type: 'charge.failed', data: { object: { amount: 500 } } })
    const t = nowS()
    return { path, body, headers: { ...json, 'Stripe-Signature': `t=${t},v1=${hmac(`${t}.${body}`)}` }, happened: 'charge.failed' }
  },
  greenhouse(path) {
    const body = JSON.stringify({ action: 'hire_candidate', payload: {} })
    return { path, body, headers: { ...json, Signature: `sha256 ${hmac(body)}` }, happened: 'hire_candidate' }
  },
  lever(path) {
    const [token, triggeredAt] = ['t-1', Date.now()]
    const body = JSON.stringify({ event: 'candidateHired', token, triggeredAt, signature: hmac(token + triggeredAt) })
    return { path, body, headers: json, happened: 'candidateHired' }
  },
  mailgun(path) {
    const [timestamp, token] = [String(nowS()), 't-2']
    const signature = { timestamp, token, signature: hmac(timestamp + token) }
    return { path, body: JSON.stringify({ signature, 'event-data': { event: 'opened' } }), headers: json, happened: 'opened' }
  },
  twilio(path) {
    const fields = { To: '+15551', MessageStatus: 'delivered', MessageSid: 'SM1' }
    const sorted = Object.keys(fields).sort().map((name) => name + fields[name]).join('')
    const signature = hmac(fresnel.url + path + sorted, 'sha1', 'base64')
    return {
      path,
      body: new URLSearchParams(fields).toString(),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'X-Twilio-Signature': signature },
      happened: 'delivered',
    }
  },
  brevo: (path) => ({ path, body: '{"event":"hard_bounce"}', headers: { ...json, Authorization: `Bearer ${SECRET}` }, happened: 'hard_bounce' }),
  assemblyai: (path) => ({ path, body: '{"transcript_id":"x","status":"completed"}', headers: { ...json, 'X-AssemblyAI-Webhook-Secret': SECRET }, happened: 'completed' }),
  'google-calendar': (path) => ({
    path,
    body: '',
    headers: { 'X-Goog-Channel-Token': SECRET, 'X-Goog-Resource-State': 'exists', 'X-Goog-Message-Number': '7' },
    happened: 'exists',
  }),
}

for (const [service, make] of Object.entries(VENDORS)) {
  test(`a webhook that ${service} has signed is an event once, and one of anybody else is none`, async () => {
    const { hook_path } = await integrated(service)
    const { path, headers, body, happened } = make(hook_path)
    const first = await post(path, headers, body)
    assert.equal(first.status, 200, await first.clone().text())
    const { event_id, is_repeated } = (await first.json()).data
    assert.equal(is_repeated, false)
    const again = (await (await post(path, headers, body)).json()).data
    assert.deepEqual(again, { event_id, is_repeated: true })
    const [row] = await stored(service)
    assert.deepEqual([row.id, row.happened, row.vendor], [event_id, happened, service])
    assert.ok(!row.data.includes(SECRET))

    const unsigned = Object.fromEntries(Object.entries(headers).filter(([name]) => name === 'Content-Type'))
    const forged = await post(path, unsigned, body.replaceAll(/[0-9a-f]{64}/g, '0'.repeat(64)))
    assert.deepEqual([forged.status, (await forged.json()).code], [401, 'NOT_VERIFIED'])
    if (body && !['brevo', 'assemblyai', 'lever', 'mailgun'].includes(service)) {
      assert.equal((await post(path, headers, `${body} `)).status, 401, 'another body')
    }
  })
}

test('what Stripe’s own library signs is taken, and what it signed too long ago is not', async () => {
  const { hook_path } = await integrated('stripe', { slug: 'stripe-library' })
  const sign = async (body, time) => {
    const script =
      'import stripe, sys; print(stripe.WebhookSignature.generate_signature_header(sys.argv[1], sys.argv[2], timestamp=int(sys.argv[3])))'
    const { stdout } = await run(python, ['-c', script, body, SECRET, String(time)])
    return { ...json, 'Stripe-Signature': stdout.trim() }
  }
  const body = JSON.stringify({ id: 'evt_library', type: 'invoice.paid', note: 'Zoë' })
  const taken = await post(hook_path, await sign(body, nowS()), body)
  assert.equal(taken.status, 200, await taken.clone().text())
  const old = await post(hook_path, await sign(body, nowS() - 600), body)
  assert.equal(old.status, 401)
})

test('SendGrid’s signatures are verified by its public key', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const signing_secret = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const { hook_path } = await integrated('sendgrid', { signing_secret })
  const body = '[{"event":"dropped","email":"ada@shop.example"},{"event":"opened"}]\r\n'
  const time = String(nowS())
  const signature = createSign('sha256').update(time + body).sign(privateKey, 'base64')
  const headers = { ...json, 'X-Twilio-Email-Event-Webhook-Signature': signature, 'X-Twilio-Email-Event-Webhook-Timestamp': time }
  assert.equal((await post(hook_path, headers, body)).status, 200)
  const [row] = await stored('sendgrid')
  assert.equal(row.happened, 'dropped')
  assert.ok(!row.data.includes('ada@shop.example'), 'addresses are scrubbed')
  const events = await fresnel.query(`SELECT operation FROM vendor_calls WHERE integration = 'sendgrid' ORDER BY operation`)
  assert.deepEqual(events, [{ operation: 'dropped' }, { operation: 'opened' }], 'each event counts in what was delivered')
  const old = String(nowS() - 600)
  const late = createSign('sha256').update(old + body).sign(privateKey, 'base64')
  const replayed = { ...headers, 'X-Twilio-Email-Event-Webhook-Signature': late, 'X-Twilio-Email-Event-Webhook-Timestamp': old }
  assert.equal((await post(hook_path, replayed, body)).status, 401)
})

test('what was answered is stored once although the service is killed', async () => {
  const { hook_path } = await integrated('stripe', { slug: 'killed' })
  const { headers, body } = VENDORS.stripe(hook_path)
  const { event_id } = (await (await post(hook_path, headers, body)).json()).data
  await fresnel.kill()
  await fresnel.startAgain()
  const again = (await (await post(hook_path, headers, body)).json()).data
  assert.deepEqual(again, { event_id, is_repeated: true })
  assert.deepEqual((await stored('killed')).map(({ id }) => id), [event_id])
})

test('hooks that are not there, turned off, rotated, or without a secret say so', async () => {
  const { id, hook_path, revision } = await integrated('stripe', { slug: 'states' })
  const webhook = () => VENDORS.stripe(hook_path)
  const refusal = async (path, init) => {
    const answer = await fetch(fresnel.url + path, { method: 'POST', headers: webhook().headers, body: webhook().body, ...init })
    return [answer.status, (await answer.json()).code]
  }
  assert.deepEqual(await refusal(hook_path.replace('states', 'stripe')), [404, 'NOT_FOUND'])
  assert.deepEqual(await refusal(`${hook_path}x`), [404, 'NOT_FOUND'])
  assert.deepEqual(await refusal(hook_path, { method: 'PUT' }), [405, 'METHOD_NOT_ALLOWED'])
  assert.deepEqual(await refusal(hook_path, { body: 'x'.repeat(1_048_577) }), [413, 'TOO_LARGE'])
  const path = `/api/integrations/${id}`
  await manage('PATCH', path, { revision, signing_secret: null })
  assert.deepEqual(await refusal(hook_path), [409, 'INTEGRATION_INCOMPLETE'])
  await manage('PATCH', path, { revision: revision + 1, is_enabled: false })
  assert.deepEqual(await refusal(hook_path), [503, 'INTEGRATION_OFF'])
  await manage('POST', `${path}/rotate`)
  assert.deepEqual(await refusal(hook_path), [404, 'NOT_FOUND'])
})
