import { fromNodeProviderChain } from '@aws-sdk/credential-providers'

let provider = fromNodeProviderChain()

/** The user's credentials as the AWS command finds them; the SDK keeps them until shortly before they expire. */
export const readCredentials = (): ReturnType<typeof provider> => provider()

/**
 * Has the next request look for credentials anew. Those of a file without a time of expiry would be kept for ever, though the user
 * has written new ones there.
 */
export function forgetCredentials(): void {
  provider = fromNodeProviderChain({ ignoreCache: true })
}
