import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { readCredentials } from './credentials.ts'

/** As whom the user's requests are signed; null while AWS does not tell it, because credentials are missing or have expired. */
export async function readIdentity(
  region: string,
): Promise<{ account: string | null; identity: string | null }> {
  const client = new STSClient({ region, credentials: readCredentials, maxAttempts: 2 })
  try {
    const { Account = null, Arn = null } = await client.send(new GetCallerIdentityCommand({}))
    return { account: Account, identity: Arn }
  } catch {
    return { account: null, identity: null }
  } finally {
    client.destroy()
  }
}
