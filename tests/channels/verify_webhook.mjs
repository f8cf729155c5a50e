// Says whether a webhook is what its sender signed, by the public verifier of Standard Webhooks.
// Reads {secret, headers, body} as JSON from its standard input.

import { readFileSync } from 'node:fs'

import { Webhook } from 'standardwebhooks'

const { secret, headers, body } = JSON.parse(readFileSync(0, 'utf8'))
try {
  new Webhook(secret).verify(body, headers)
  console.log('valid')
} catch (error) {
  console.log(`invalid: ${error.message}`)
}
