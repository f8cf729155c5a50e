// The pages that run Fresnel itself, in a real browser: settings, ledger, health. What is made there works, and roles hold.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { eventually, startFresnel } from '../fresnel.mjs'
import { holdsUp, LOOKS, setFirstPassword, settled, startBrowser, visit } from './open.mjs'

const TABS = ['project', 'keys', 'quotas', 'people', 'users', 'issuers', 'audit', 'deploys', 'views', 'account']
const PAGES = ['/ledger', '/health', ...TABS.map((tab) => `/settings?tab=${tab}`)]

let fresnel, browser, site

before(async () => {
  fresnel = await startFresnel({ FRESNEL_QUOTA__API_PER_MINUTE: '100000' })
  await setFirstPassword(fresnel)
  browser = await startBrowser()
  site = { browser, url: fresnel.url }
})

after(async () => {
  await browser?.close()
  await fresnel?.stop()
})

const post = (key, body) =>
  fetch(`${fresnel.url}/api/analytics/events?key=${key}`, { method: 'POST', body: JSON.stringify(body) })
const event = { session_id: 's', event_type: 'feature_discovery', event_data: {} }

test('a key that is made posts until it is revoked, and the audit log says who did it', async () => {
  await visit(site, '/settings?tab=keys', async (page) => {
    await page.getByRole('button', { name: 'New key' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('The shop')
    await dialog.getByRole('button', { name: /^Make/ }).click()
    const secret = await dialog.locator('pre').filter({ hasText: 'fk_' }).first().textContent()
    await dialog.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('row', { name: /The shop.*Valid/ }).waitFor()
    const key = /fk_[\w-]+/.exec(secret)[0]
    await eventually('the key posts', async () => (await post(key, event)).status === 202 || undefined)

    await page.getByRole('row', { name: /The shop/ }).click()
    await page.getByRole('button', { name: /Revoke/ }).click()
    await page.getByRole('dialog', { name: 'Revoke “The shop”?' }).getByRole('button', { name: 'Revoke' }).click()
    await page.getByRole('row', { name: /The shop.*Revoked/ }).waitFor()
    await eventually('the key posts no more', async () => (await post(key, event)).status === 401 || undefined)

    await page.goto(`${fresnel.url}/settings?tab=audit`)
    await page.getByRole('row', { name: /key\.revoke/ }).first().waitFor()
  })
})

test('each part of the settings, the ledger and the health hold up: dark, light, on a phone', async () => {
  assert.equal((await post(fresnel.ingestKey, { ...event, session_id: '' })).status, 400)
  for (const [look, options] of Object.entries(LOOKS)) {
    await visit(
      site,
      '/ledger',
      async (page) => {
        for (const address of PAGES) {
          await page.goto(fresnel.url + address)
          await holdsUp(page, `run-${address.replace(/^\/(settings\?tab=)?/, '')}-${look}`)
        }
      },
      options,
    )
  }
})

test('who may only look sees no keys, no people and no audit log', async () => {
  const { manage } = fresnel
  const { token } = await manage('POST', '/api/invitations?project=default', { email: 'eve@shop.example', role: 'viewer' })
  await manage('POST', '/api/invitations/accept', { token, name: 'Eve', password: 'a password of a viewer' })
  await visit(
    site,
    '/settings',
    async (page) => {
      await settled(page)
      const tabs = await page.getByRole('tab').allTextContents()
      assert.deepEqual(tabs, ['Quotas', 'Deploys', 'Saved views', 'Your account'])
    },
    {},
    { email: 'eve@shop.example', password: 'a password of a viewer' },
  )
})
