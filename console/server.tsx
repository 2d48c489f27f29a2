import { useEffect } from 'preact/hooks'
import type { ServerView } from '../src/http/server.ts'
import { shortenIdentity } from './actor.tsx'
import { askApi, server } from './api.ts'
import { formatUtc } from './format.ts'
import { useLoaded } from './live.ts'
import { Name } from './parts.tsx'

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
  const { deployment, readOnly, simulatedUntil } = data
  return (
    <span class="place">
      {simulatedUntil !== null && (
        <span class="tag" title={`No engine works on it. It is shown as of ${formatUtc(simulatedUntil)}`}>
          simulated
        </span>
      )}
      {readOnly && simulatedUntil === null && <span class="tag">read only</span>}
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
