// Access tokens that Fresnel has for a product's calls: had once for many calls, had anew in time, kept over a crash.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { eventually, startFresnel } from '../fresnel.mjs'
import { startVendor } from './vendor.mjs'

const CLIENT = { client_id: 'shop', client_secret: 'client-secret-hidden', refresh_token: 'refresh-0' }

let fresnel, vendor, relayKey, integration
/** How the vendor gives tokens: for how long, and whether at all. */
let given = { expires_in: 3_600, isGiven: true }
let tokens = 0
let valid = ''

before(async () => {
  vendor = await startVendor(async ({ url, headers }) => {
    if (url === '/token') {
      if (!given.isGiven) return { status: 400, body: '{"error":"invalid_grant"}' }
      tokens += 1
      valid = `access-${tokens}`
      const body = { access_token: valid, expires_in: given.expires_in, refresh_token: `refresh-${tokens}` }
      return { afterMs: 50, body: JSON.stringify(body) }
    }
    return headers.authorization === `Bearer ${valid}` ? { body: '{}' } : { status: 401 }
  })
  fresnel = await startFresnel({
    FRESNEL_OUTBOUND__ALLOW_NETWORKS: '127.0.0.0/8',
    FRESNEL_QUOTA__EXTERNAL_PER_MINUTE: '0',
    FRESNEL_QUOTA__API_PER_MINUTE: '0',
    FRESNEL_INTEGRATIONS__PROBE_INTERVAL_S: '0',
  })
  relayKey = (await manage('POST', '/api/keys', { kind: 'server', name: 'product', scopes: ['relay'] })).secret
  integration = await manage('POST', '/api/integrations', {
    service: 'google-calendar',
    base_url: `${vendor.url}/api`,
    token_url: `${vendor.url}/token`,
    scope: 'calendar.readonly',
    oauth: CLIENT,
  })
})

after(async () => {
  await fresnel?.stop()
  vendor?.stop()
})

const manage = (...call) => fresnel.manage(...call)

const call = () =>
  fetch(`${fresnel.url}/relay/google-calendar/events`, { headers: { Authorization: `Bearer ${relayKey}` } })
const asked = () => vendor.calls.filter(({ url }) => url === '/token').map(({ body }) => new URLSearchParams(body))

test('many calls at once have one token, and nothing of it is shown', async () => {
  const statuses = await Promise.all(Array.from({ length: 50 }, async () => (await call()).status))
  assert.deepEqual(new Set(statuses), new Set([200]))
  assert.equal(tokens, 1)
  const [first] = asked()
  assert.deepEqual(Object.fromEntries(first), {
    grant_type: 'refresh_token',
    refresh_token: 'refresh-0',
    scope: 'calendar.readonly',
    client_id: 'shop',
    client_secret: CLIENT.client_secret,
  })
  const shown = await manage('GET', `/api/integrations/${integration.id}`)
  assert.deepEqual([shown.has_oauth, shown.has_credential, shown.revision], [true, false, integration.revision])
  for (const secret of [CLIENT.client_secret, 'refresh-', 'access-']) assert.ok(!JSON.stringify(shown).includes(secret))
})

test('a token that the vendor refuses is not used again', async () => {
  valid = 'revoked'
  assert.equal((await call()).status, 401, 'the vendor’s word goes to the product')
  assert.equal((await call()).status, 200)
  assert.equal(tokens, 2)
})

test('a refresh token that was replaced holds over a crash', async () => {
  await fresnel.kill()
  await fresnel.startAgain()
  assert.equal((await call()).status, 200)
  assert.equal(asked().at(-1).get('refresh_token'), 'refresh-2')
})

test('a token is had anew a minute before it expires, and still used while that fails', async () => {
  // So short that each call is within the last minute.
  given = { expires_in: 30, isGiven: true }
  valid = 'revoked'
  await call()
  const before = tokens
  assert.equal((await call()).status, 200)
  assert.equal((await call()).status, 200)
  assert.ok(tokens >= before + 2, `${tokens} tokens`)
  given.isGiven = false
  assert.equal((await call()).status, 200, 'it holds for some seconds')
})

test('without a token the product is told so, and it speaks against the vendor', async () => {
  given.isGiven = false
  valid = 'revoked'
  await call()
  const refused = await call()
  assert.deepEqual([refused.status, (await refused.json()).code], [502, 'VENDOR_TOKEN_UNAVAILABLE'])
  const before = asked().length
  await call()
  assert.equal(asked().length, before, 'a vendor that refuses is not asked for each call')
  const metrics = await eventually('the contact is stored', async () => {
    const { items } = await manage('GET', '/api/integrations')
    return items[0].performance?.failed >= 2 ? items[0].performance : undefined
  })
  assert.ok(metrics.availability < 1)
  given.isGiven = true
  await eventually('it recovers', async () => ((await call()).status === 200 ? true : undefined))
})
