import { Fn, Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

/** The console of regions that are a partition of their own: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html */
const PARTITIONS: [regions: RegExp, domain: string][] = [
  [/^cn-/, 'amazonaws.cn'],
  [/^us-gov-/, 'amazonaws-us-gov.com'],
]

/** URLs of pages of the AWS console, each of one thing by its region and name. */
export function makeConsolePages(scope: Construct) {
  const { region } = Stack.of(scope)
  const domain = PARTITIONS.find(([regions]) => regions.test(region))?.[1] ?? 'aws.amazon.com'
  const page = (path: string) => `https://${region}.console.${domain}/${path}`
  const inService = (service: string, rest: string) => page(`${service}/home?region=${region}#${rest}`)
  return {
    queue: (url: string) => inService('sqs/v3', `/queues/${escapeSlashes(url, '%2F')}`),
    function: (name: string) => inService('lambda', `/functions/${name}?tab=monitoring`),
    logGroup: (name: string) =>
      inService('cloudwatch', `logsV2:log-groups/log-group/${escapeSlashes(name, '$252F')}`),
    dashboard: (name: string) => inService('cloudwatch', `dashboards/dashboard/${name}`),
    table: (name: string) => inService('dynamodbv2', `table?name=${name}&tab=monitoring`),
    stateMachine: (arn: string) => inService('states', `/statemachines/view/${arn}`),
    stateMachines: () => inService('states', '/statemachines'),
    cluster: (name: string) => page(`ecs/v2/clusters/${name}/tasks?region=${region}`),
  }
}

/** URLs of pages of the AWS console. */
export type ConsolePages = ReturnType<typeof makeConsolePages>

/** Names are known only when the resources exist, so CloudFormation escapes them. */
const escapeSlashes = (name: string, by: string): string => Fn.join(by, Fn.split('/', name))
