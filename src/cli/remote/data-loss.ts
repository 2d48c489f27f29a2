import type { TemplateResource } from '../../homes/remote/stack.ts'
import { askForConfirmation } from '../ask.ts'

/** What holds data, in users' words. */
const HOLDING: { [type: string]: string } = {
  'AWS::DynamoDB::Table': 'table',
  'AWS::S3::Bucket': 'bucket',
  'AWS::SecretsManager::Secret': 'secret',
  'AWS::Logs::LogGroup': 'log group',
}
/** What stays when it leaves its stack. */
const KEPT = ['Retain', 'RetainExceptOnCreate']

type Resources = { [id: string]: TemplateResource }

/**
 * What holds data or secrets and would be removed: it is deployed, the next template has it no more, and the deployed one
 * does not keep it. CloudFormation goes by what was deployed last.
 */
export function findLostData(deployed: Resources, next: Resources): string[] {
  return Object.entries(deployed).flatMap(([id, { Type, DeletionPolicy = 'Delete', Properties }]) => {
    const kind = HOLDING[Type]
    if (kind === undefined || KEPT.includes(DeletionPolicy) || next[id] !== undefined) return []
    const name = Properties?.Name ?? Properties?.LogGroupName
    return [`${kind} ${typeof name === 'string' ? name : id}`]
  })
}

/** Names what would be lost, and asks; `--yes` is no answer to this. */
export async function askBeforeDataLoss(stack: string, lost: string[], isAgreed: boolean): Promise<void> {
  if (lost.length === 0 || isAgreed) return
  await askForConfirmation(`This removes from ${stack}, with what is in it: ${lost.join(', ')}.`, {
    question: 'Remove it?',
    refusal: 'Nothing was changed.',
    hint: 'Put back what uses it, or agree that it goes: --remove-data (--yes does not).',
  })
}

/** What is asked about everything else that an operation takes away. */
export async function askBeforeGoingOn(fact: string, isAgreed: boolean): Promise<void> {
  if (isAgreed) return
  await askForConfirmation(fact, {
    question: 'Go on?',
    refusal: 'Nothing was changed.',
    hint: 'Agree with --yes.',
  })
}
