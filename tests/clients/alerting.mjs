// A running Fresnel that tells of alerts, and those whom it tells.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

import { eventually, startFresnel } from '../fresnel.mjs'

/** Starts one that may call loopback and looks at its rules each second; tries follow each other within a second or so. */
export async function startTelling(settings = {}) {
  const fresnel = await startFresnel({
    FRESNEL_OUTBOUND__ALLOW_NETWORKS: '127.0.0.0/8',
    FRESNEL_ALERTS__RETRY_WAITS_MS: '100,100,100',
    FRESNEL_ALERTS__PERIOD_MS: '1000',
    FRESNEL_FLUSH__MAX_WAIT_MS: '50',
    FRESNEL_QUOTA__API_PER_MINUTE: '0',
    ...settings,
  })
  return Object.assign(fresnel, {
    /** Posts a measurement. */
    async post(type, value, metadata) {
      const answer = await fetch(`${fresnel.url}/api/analytics/performance/metrics`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${fresnel.ingestKey}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ type, value, timestamp: new Date().toISOString(), session_id: 's1', metadata }),
      })
      assert.equal(answer.status, 202, await answer.text())
    },

    /** Posts a call that took 6 s, which the rule "Slow response" finds critical. */
    postSlowCall(endpoint) {
      return this.post('api_response_time', 6_000, { api_endpoint: endpoint, status: 200 })
    },

    /** The notice for a channel about an endpoint, with its tries, once it is no longer on its way. */
    settled(channel, endpoint) {
      return eventually(`${channel.name} is told of ${endpoint}, or not`, async () => {
        const { items } = await this.manage('GET', `/api/deliveries?channel_id=${channel.id}&page_size=100`)
        const found = items.find((item) => item.notice.labels.api_endpoint === endpoint)
        if (!found || found.state === 'waiting') return undefined
        return this.manage('GET', `/api/deliveries/${found.id}`)
      })
    },

    /** A channel of the settings. It is made while the service starts. */
    presetChannel(name) {
      return eventually(`the channel ${name} is there`, async () => {
        const { items } = await this.manage('GET', '/api/channels')
        return items.find((channel) => channel.name === name)
      })
    },
  })
}

/**
 * Posts slow calls until somebody has heard of one: rules and channels are made while the service starts, and what comes
 * before them is not told. `hears` says whether an endpoint was told.
 */
export async function untilToldOf(fresnel, hears) {
  const posted = []
  return eventually('somebody is told of a slow call', async () => {
    posted.push(`/api/warm-up-${'abcdefghijklmnopqrstuvwxyz'[posted.length % 26]}`)
    await fresnel.postSlowCall(posted.at(-1))
    for (let looked = 0; looked < 40; looked += 1) {
      if (posted.some(hears)) return true
      await pause(50)
    }
    return undefined
  })
}

/** A receiver of webhooks: notes what comes, and answers with what `statusOf` says of it, 204 unless it says otherwise. */
export async function startReceiver() {
  const messages = []
  const receiver = { messages, statusOf: () => undefined }
  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const message = { headers: request.headers, body, notice: JSON.parse(body).data.notices[0] }
    messages.push(message)
    response.writeHead(receiver.statusOf(message) ?? 204).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${server.address().port}/hooks/fresnel`,
    /** Each time that it was told of an endpoint. */
    about: (endpoint) => messages.filter((message) => message.notice.labels.api_endpoint === endpoint),
    /** The first time. */
    first(endpoint) {
      return eventually(`a webhook about ${endpoint}`, () => this.about(endpoint)[0])
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
}
