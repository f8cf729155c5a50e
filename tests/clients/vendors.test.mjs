// How vendors do, from all three sides: what Fresnel looks for and asks, what vendors call, what products call.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'

import { eventually, startFresnel } from '../fresnel.mjs'
import { startVendor } from './vendor.mjs'

const run = promisify(execFile)

let fresnel, relayKey, folder
const vendors = []

/** A catalogue of services that are polled, probed, and tell how they do. */
const catalogue = (services) =>
  services
    .map(
      (one) => `[[services]]
id = "${one.id}"
name = "${one.id}"
category = "tests"
sync = "${one.sync ?? 'manual'}"
${one.more ?? ''}
base_url = "${one.url}"
probe = { path = "/probe" }
${one.status ? `status_url = "${one.status}"` : ''}
`,
    )
    .join('\n')

async function vendor(answer) {
  const started = await startVendor(answer)
  vendors.push(started)
  return started
}

let feed, healthy, broken, hanging
const news = { items: ['first'], etag: '"1"' }

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fresnel-vendors-'))
  healthy = await vendor(({ url }) =>
    url.startsWith('/status')
      ? { body: JSON.stringify({ status: { indicator: 'minor', description: 'Some delays' } }) }
      : { body: '{}' },
  )
  broken = await vendor(() => ({ status: 503 }))
  feed = await vendor(({ url, headers }) => {
    if (!url.startsWith('/news')) return { body: '{}' }
    if (headers['if-none-match'] === news.etag) return { status: 304 }
    return { headers: { ETag: news.etag }, body: JSON.stringify(news.items) }
  })
  hanging = await vendor(() => undefined)
  const file = join(folder, 'catalogue.toml')
  const many = Array.from({ length: 200 }, (_, at) => ({
    id: `many-${at}`,
    url: healthy.url,
    // Each has a page of its own; twenty of them hang.
    status: `${at % 10 === 0 ? hanging.url : healthy.url}/status?of=${at}`,
  }))
  await writeFile(
    file,
    catalogue([
      { id: 'healthy', url: healthy.url, status: `${healthy.url}/status` },
      { id: 'broken', url: broken.url },
      { id: 'feed', url: feed.url, sync: 'polling', more: 'poll_interval_s = 10\npoll_path = "/news"' },
      {
        id: 'calls',
        url: feed.url,
        sync: 'webhook',
        more: 'fallback = "polling"\npoll_interval_s = 10\npoll_path = "/news"\nsignature = { kind = "hmac", header = "X-Sum", digest = "sha256", encoding = "hex" }',
      },
      ...many,
    ]),
  )
  fresnel = await startFresnel({
    FRESNEL_OUTBOUND__ALLOW_NETWORKS: '127.0.0.0/8',
    FRESNEL_QUOTA__API_PER_MINUTE: '0',
    FRESNEL_FLUSH__MAX_WAIT_MS: '50',
    FRESNEL_INTEGRATIONS__CATALOGUE_FILE: file,
    FRESNEL_INTEGRATIONS__PROBE_INTERVAL_S: '5',
    FRESNEL_INTEGRATIONS__WEBHOOK_SILENCE_S: '5',
    FRESNEL_RELAY__BACKOFF_MS: '5',
    FRESNEL_ALERTS__PERIOD_MS: '1000',
  })
  relayKey = (await manage('POST', '/api/keys', { kind: 'server', name: 'product', scopes: ['relay'] })).secret
})

after(async () => {
  for (const one of vendors) one.stop()
  await fresnel?.stop()
  await rm(folder, { recursive: true, force: true })
})

const manage = (...call) => fresnel.manage(...call)

const integrate = (service, fields = {}) => manage('POST', '/api/integrations', { service, ...fields })
const listed = async (slug) => {
  const { items } = await manage('GET', '/api/integrations?page_size=500')
  return items.find((one) => one.slug === slug)
}
const call = (slug, path, headers = {}) =>
  fetch(`${fresnel.url}/relay/${slug}${path}`, { headers: { Authorization: `Bearer ${relayKey}`, ...headers } })

test('what is there is healthy, what fails is down, and what nobody saw is unknown', async () => {
  await integrate('healthy')
  await integrate('broken')
  await integrate('custom', { slug: 'unseen', base_url: `${healthy.url}/x`, authorization: { kind: 'none' } })
  const health = await eventually('both were probed', async () => {
    const health = await manage('GET', '/api-integrations/health-status')
    const state = (slug) => health.services.find((one) => one.integration === slug)
    return state('healthy').state === 'healthy' && state('broken').state === 'down' ? health : undefined
  })
  const [broke, well, unseen] = ['broken', 'healthy', 'unseen'].map((slug) =>
    health.services.find((one) => one.integration === slug),
  )
  assert.ok(['failing', 'breaker_open'].includes(broke.reason), broke.reason)
  assert.deepEqual([broke.last_outcome, broke.availability], ['failed', 0])
  assert.deepEqual([well.reason, well.last_outcome, well.availability], [null, 'answered', 1])
  assert.deepEqual([unseen.state, unseen.is_monitored, unseen.last_check_ms], ['unknown', false, null])
  assert.equal(health.state, 'down')
  const calls = healthy.calls.filter(({ url }) => url === '/probe')
  assert.ok(calls.length >= 1)
  const list = await listed('healthy')
  assert.deepEqual(list.external_status, { indicator: 'minor', description: 'Some delays' })
  assert.ok(list.performance.checks >= 1)
})

test('who is polled is asked for what is new, which becomes an event once, also after a crash', async () => {
  const { id } = await integrate('feed')
  const sync = () => manage('POST', `/api/integrations/${id}/sync`)
  assert.equal((await sync()).outcome, 'unchanged', 'what was there before is no news')
  const again = await sync()
  assert.deepEqual([again.outcome, again.status], ['unchanged', 304])
  news.items.push('second')
  news.etag = '"2"'
  assert.equal((await sync()).outcome, 'changed')
  await fresnel.kill()
  await fresnel.startAgain()
  assert.equal((await sync()).status, 304, 'the version is remembered')
  const events = await eventually('the event is stored', async () => {
    const rows = await fresnel.query(`
      SELECT toString(event_data.integration) AS integration, toString(event_data.happened) AS happened,
        toString(event_data.payload) AS payload FROM user_events WHERE event_type = 'integration_webhook'`)
    return rows.length > 0 ? rows : undefined
  })
  assert.deepEqual(
    events.map(({ integration, happened }) => [integration, happened]),
    [['feed', 'polled']],
  )
  const { sync_state } = await listed('feed')
  assert.deepEqual([sync_state.method, sync_state.is_fallback, sync_state.failures], ['polling', false, 0])
  assert.ok(sync_state.last_sync_ms > Date.now() - 60_000 && sync_state.last_change_ms <= sync_state.last_sync_ms)
  // By itself too.
  const before = feed.calls.length
  await eventually('a poll by itself', () => feed.calls.slice(before).some(({ url }) => url === '/news') || undefined)
})

test('two hundred integrations are listed at once although twenty pages of vendors hang', async () => {
  for (let at = 0; at < 200; at++) await integrate(`many-${at}`, { is_monitored: false })
  const begun = performance.now()
  const { items } = await manage('GET', '/api/integrations?page_size=500')
  const tookMs = performance.now() - begun
  const many = items.filter(({ slug }) => slug.startsWith('many-'))
  assert.equal(many.length, 200)
  const said = many.map(({ external_status }) => external_status.indicator)
  assert.equal(said.filter((indicator) => indicator === 'minor').length, 180)
  assert.equal(said.filter((indicator) => indicator === null).length, 20)
  console.log(`  the list of ${items.length} integrations took ${tookMs.toFixed(0)} ms`)
})

test('metrics of a service have its calls, failures, and what was given again', async () => {
  for (let at = 0; at < 30; at++) assert.equal((await call('healthy', `/things/${at}`)).status, 200)
  for (let at = 0; at < 3; at++) assert.equal((await call('broken', '/things')).status, 503)
  const metrics = await eventually('the calls are stored', async () => {
    const found = await manage('GET', '/api-integrations/service/healthy/metrics?hours=1')
    return found.calls === 30 ? found : undefined
  })
  assert.deepEqual([metrics.success_rate, metrics.failure_rate, metrics.cache_hits], [1, 0, 0])
  assert.equal(metrics.throughput_per_minute, 0.5)
  assert.ok(metrics.p95_ms > 0 && metrics.mean_ms > 0)
  assert.equal(metrics.series.length, 60)
  assert.equal(metrics.series.reduce((sum, bucket) => sum + bucket.calls, 0), 30)
  const names = metrics.operations.map(({ operation }) => operation)
  assert.ok(names.includes('GET /things/:id') && names.includes('GET /probe'), names.join(', '))
  const list = await listed('healthy')
  assert.equal(list.performance.calls, 30)
})

test('availability is held against the target, maintenance does not count, and the evidence is signed', async () => {
  const of = async (slug) => {
    const { services } = await manage('GET', '/api-integrations/sla-compliance?days=2')
    return services.find((one) => one.integration === slug)
  }
  const [well, broke] = [await of('healthy'), await of('broken')]
  assert.deepEqual([well.is_kept, well.failed, well.history.length], [true, 0, 2])
  assert.equal(broke.is_kept, false)
  assert.equal(broke.targets.find(({ target }) => target === 'availability').actual, 0)
  assert.ok(broke.error_budget_used > 1)

  const month = new Date().toISOString().slice(0, 7)
  const evidence = await manage('GET', `/api-integrations/evidence?month=${month}`)
  const { public_key } = await manage('GET', '/api-integrations/evidence/key')
  const answer = await fetch(`${fresnel.url}/api-integrations/evidence?month=${month}`, {
    headers: { Authorization: `Bearer ${fresnel.adminToken}` },
  })
  const text = await answer.text()
  assert.equal(evidence.signature.public_key, public_key)
  const verify = async (content) => {
    const file = join(folder, 'evidence.json')
    await writeFile(file, content)
    return run(process.env.TEST_BINARY, ['verify-evidence', file, '--key', public_key])
  }
  assert.match((await verify(text)).stdout, /as it was signed/)
  await assert.rejects(verify(text.replace('"integration":"broken"', '"integration":"bent"')), /was changed/)

  const window = { starts_at: new Date(Date.now() - 3_600_000), ends_at: new Date(Date.now() + 3_600_000) }
  const integration_id = (await listed('broken')).id
  const { id } = await manage('POST', '/api-integrations/maintenance', { ...window, integration_id, note: 'theirs' })
  assert.deepEqual([(await of('broken')).seen, (await of('broken')).is_kept], [0, null])
  assert.ok((await of('healthy')).seen > 0)
  await manage('DELETE', `/api-integrations/maintenance/${id}`)
  assert.equal((await of('broken')).is_kept, false)
})

test('a rule watches each vendor by itself, and its alert is among those about vendors', async () => {
  await manage('POST', '/api/rules', {
    name: 'Vendors that fail',
    watch: { kind: 'vendor', measure: 'error_rate', window_ms: 3_600_000, seen_min: 1 },
    thresholds: { direction: 'above', critical: 0.5 },
    for_ms: 0,
  })
  // All of it fails, where a two-hundredth may.
  const burning = {
    name: 'Budget burns',
    watch: { kind: 'vendor', measure: 'burn_rate', integrations: ['broken'], window_ms: 3_600_000, seen_min: 1 },
    thresholds: { direction: 'above', critical: 199 },
    for_ms: 0,
    no_data: 'ok',
  }
  await manage('POST', '/api/rules', burning)
  const tried = await manage('POST', '/api/rules/backtest', burning)
  assert.deepEqual([tried.window_ms, tried.thresholds.critical, Array.isArray(tried.series)], [3_600_000, 199, true])
  const alerts = await eventually('both fire', async () => {
    const alerts = await manage('GET', '/api-integrations/alerts')
    const fires = (name) => alerts.active.some(({ title }) => title === name)
    return fires('Vendors that fail') && fires('Budget burns') ? alerts : undefined
  })
  const ours = alerts.active.filter(({ title }) => title === 'Vendors that fail')
  assert.deepEqual(
    ours.map(({ labels, level, value }) => [labels.integration, level, value]),
    [['broken', 'critical', 1]],
  )
  assert.ok(alerts.counts.critical >= 1 && alerts.escalating.includes(ours[0].id))

  // What was announced wakes nobody.
  const window = { starts_at: new Date(Date.now() - 7_200_000), ends_at: new Date(Date.now() + 3_600_000) }
  const { id } = await manage('POST', '/api-integrations/maintenance', { ...window, note: 'all of them move' })
  const burns = async () => {
    const { active } = await manage('GET', '/api-integrations/alerts')
    return active.some(({ title }) => title === 'Budget burns')
  }
  await eventually('maintenance ends the alert', async () => !(await burns()) || undefined)
  const within = await manage('POST', '/api/rules/backtest', burning)
  assert.ok(within.series.every(({ samples }) => samples.every(({ value }) => value === null)))
  await manage('DELETE', `/api-integrations/maintenance/${id}`)
  await eventually('it counts again', async () => (await burns()) || undefined)
})

test('a breaker that opened is told, and closes when it is set back', async () => {
  await eventually('the breaker opens', async () => {
    await call('broken', '/things')
    const { services } = await manage('GET', '/api-integrations/health-status')
    return services.find((one) => one.integration === 'broken').breaker === 'open' || undefined
  })
  const done = await manage('POST', '/api-integrations/reset-optimizations', { services: ['broken'] })
  assert.deepEqual(done.services, ['broken'])
  const audit = await manage('GET', '/api/audit?page_size=50')
  assert.ok(audit.items.some(({ action }) => action === 'integration.reset'))
  const dashboard = await manage('GET', '/api-integrations/monitoring-dashboard')
  assert.ok(dashboard.calls >= 33 && dashboard.success_rate < 1 && dashboard.health.services.length >= 200)
  const report = await manage('GET', '/api-integrations/optimization-report')
  assert.ok(report.findings.some((one) => one.integration === 'many-3' && one.finding === 'not_monitored'))
  const begun = await manage('POST', '/api-integrations/initialize-optimizations', {
    services: ['many-3'],
    enable_monitoring: true,
  })
  assert.deepEqual(begun.monitoring_changed, ['many-3'])
  const refused = await fetch(`${fresnel.url}/api-integrations/reset-optimizations`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${fresnel.adminToken}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ services: ['healthy', 'nobody'] }),
  })
  assert.equal(refused.status, 422)
  assert.deepEqual((await refused.json()).details.map(({ field }) => field), ['services.1'])
})

test('who is to call and does not is polled instead, until it calls', async () => {
  const secret = 'whsec'
  const made = await integrate('calls', { signing_secret: secret })
  const hook = async (body) => {
    const sum = createHmac('sha256', secret).update(body).digest('hex')
    const answer = await fetch(fresnel.url + made.hook_path, { method: 'POST', headers: { 'X-Sum': sum }, body })
    assert.equal(answer.status, 200, await answer.text())
  }
  await hook('{"type":"one"}')
  const fresh = await eventually('the webhook is seen', async () => {
    const { sync_state } = await listed('calls')
    return sync_state.last_sync_ms ? sync_state : undefined
  })
  assert.deepEqual([fresh.method, fresh.is_fallback], ['webhook', false])
  const silent = await eventually('it is polled instead', async () => {
    const { sync_state } = await listed('calls')
    return sync_state.is_fallback && sync_state.next_poll_ms ? sync_state : undefined
  })
  assert.equal(silent.method, 'polling')
  await hook('{"type":"two"}')
  await eventually('webhooks are back', async () => {
    const { sync_state } = await listed('calls')
    return (!sync_state.is_fallback && sync_state.method === 'webhook') || undefined
  })
})
