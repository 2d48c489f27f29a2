import type { ActorShape } from '../src/control/control.ts'
import { Instant, Name } from './parts.tsx'

/** Who acted. */
export function Actor({ actor: { kind, name } }: { actor: ActorShape }) {
  if (kind === 'schedule') return <>its schedule</>
  if (kind === 'execution')
    return (
      <>
        the execution <Name text={name} />
      </>
    )
  return (
    <span title={name}>
      <Name text={kind === 'identity' ? shortenIdentity(name) : name} />
    </span>
  )
}

/** When something was done, and by whom if that is known. */
export const ActedAt = ({ at, by }: { at: number; by: ActorShape | null }) => (
  <>
    <Instant at={at} />
    {by && (
      <>
        {' '}
        by <Actor actor={by} />
      </>
    )}
  </>
)

/** The part of an ARN that tells people apart: the user, or role and session. */
export const shortenIdentity = (arn: string): string =>
  arn
    .split(':')
    .slice(5)
    .join(':')
    .replace(/^(user|assumed-role)\//, '') || arn
