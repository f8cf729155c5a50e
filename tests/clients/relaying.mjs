// Fresnel with vendors behind its relay, for tests of the relay.

import { startFresnel } from '../fresnel.mjs'
import { startVendor } from './vendor.mjs'

/** The secret of every vendor. */
export const VENDOR_SECRET = 'sk_test_hidden'

/** Starts it; `settings` are variables over those of these tests. */
export async function startRelay(settings = {}) {
  const fresnel = await startFresnel({
    FRESNEL_OUTBOUND__ALLOW_NETWORKS: '127.0.0.0/8',
    FRESNEL_QUOTA__API_PER_MINUTE: '0',
    FRESNEL_QUOTA__EXTERNAL_PER_MINUTE: '0',
    FRESNEL_FLUSH__MAX_WAIT_MS: '50',
    FRESNEL_RELAY__BACKOFF_MS: '5',
    FRESNEL_RELAY__BACKOFF_MAX_MS: '20',
    FRESNEL_RELAY__DEADLINE_MS: '4000',
    FRESNEL_BREAKER__OPEN_MS: '500',
    ...settings,
  })
  const vendors = []
  const { manage } = fresnel
  const relayKey = (await manage('POST', '/api/keys', { kind: 'server', name: 'product', scopes: ['relay'] })).secret

  /** A vendor with an integration of its name; gives it, and what calls it through the relay. */
  const integrated = async (slug, answer, fields = {}) => {
    const vendor = await startVendor(answer)
    vendors.push(vendor)
    // The probes of what is watched would be calls too.
    const integration = await manage('POST', '/api/integrations', {
      service: 'stripe',
      is_monitored: false,
      slug,
      base_url: `${vendor.url}/base`,
      credential: { secret: VENDOR_SECRET },
      rate_limit: { calls: 1_000_000, window_s: 1 },
      ...fields,
    })
    const url = `${fresnel.url}/relay/${slug}`
    const call = (path, init = {}) =>
      fetch(url + path, { ...init, headers: { Authorization: `Bearer ${relayKey}`, ...init.headers } })
    return { vendor, integration, call, url }
  }

  const stop = async () => {
    for (const vendor of vendors) vendor.stop()
    await fresnel.stop()
  }
  return { fresnel, relayKey, manage, integrated, stop }
}
