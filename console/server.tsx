import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { ServerView } from '../src/http/server.ts'
import { askApi } from './api.ts'
import { useLoaded } from './live.ts'
import { Name } from './parts.tsx'

/** What the server is that this page came from; undefined until it has said so. */
export const server = signal<ServerView | undefined>(undefined)

/** Whether buttons that act are shown: not before it is known that they may be used. */
export const mayAct = (): boolean => server.value?.readOnly === false

/** What a command line needs to go to the same place. */
export const writePlaceFlag = (): string => {
  const deployment = server.value?.deployment
  return deployment ? ` --env ${deployment.environment}` : ''
}

/** While AWS does not tell the identity, it is asked again. */
const AGAIN_MS = 10_000

/** Says in the head of every page for which deployment it speaks, as whom, and that it cannot act. */
export function Place() {
  const { data } = useLoaded(
    'server',
    (signal) => askApi<ServerView>('/server', { signal }),
    (data) => (data?.deployment && data.deployment.identity === null ? AGAIN_MS : 0),
  )
  useEffect(() => {
    if (data !== undefined) server.value = data
  }, [data])
  if (data === undefined) return null
  const { deployment, readOnly } = data
  return (
    <span class="place">
      {readOnly && <span class="tag">read only</span>}
      {deployment && (
        <>
          <strong>
            <Name text={deployment.environment} />
          </strong>
          <span title={`Stack ${deployment.stack}`}>
            <Name text={deployment.region} />
          </span>
          {deployment.account !== null && <Name text={deployment.account} />}
          {deployment.identity === null ? (
            <span class="bad">not signed in</span>
          ) : (
            <span title={deployment.identity}>
              <Name text={shortenIdentity(deployment.identity)} />
            </span>
          )}
        </>
      )}
    </span>
  )
}

/** The part of an ARN that tells people apart: the user, or role and session. */
const shortenIdentity = (arn: string): string =>
  arn
    .split(':')
    .slice(5)
    .join(':')
    .replace(/^(user|assumed-role)\//, '') || arn
