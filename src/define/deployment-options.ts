import { z } from 'zod'

/** Functions whose executions the account can keep for them: those that decide, so that tasks and others do not starve them. */
export const DECIDERS = [
  'schedule',
  'plan',
  'advance',
  'launch-workers',
  'launch-programs',
  'tick',
  'job-events',
  'api',
] as const

/** A function of a deployment that decides. */
export type Decider = (typeof DECIDERS)[number]

/** What a pool's tasks may do beside reading and writing targets: one statement of an IAM policy that allows. */
export interface Allowed {
  /** Such as `athena:StartQueryExecution`. */
  actions: string[]
  /** ARNs; `*` if AWS gives the actions no resources. */
  resources: string[]
  /** Conditions as IAM writes them, by operator. @default none */
  conditions?: { [operator: string]: { [key: string]: string | string[] } }
}

/** What an environment on AWS can say of its stack. */
export interface StackOptions {
  /** Tags of everything in the stack, beside `sluice:project`, `sluice:environment`, `sluice:pool` and `sluice:pipeline`. */
  tags?: { [key: string]: string }
  /** CloudFormation refuses to remove the stack until `sluice destroy` has asked. @default true */
  terminationProtection?: boolean
  /** CloudWatch's Container Insights of the cluster, up to 2.4 dollars a month at rest. @default false */
  containerInsights?: boolean
  /** Who may call `ecs:ExecuteCommand` can open a shell as a program of this environment is started, with its secrets. @default false */
  shells?: boolean
  /** Executions at once that the account keeps for each function, by its name. @default none */
  reservedConcurrency?: { [D in Decider]?: number }
}

const TAG = z
  .string()
  .regex(/^[\p{L}\p{N} _.:/=+\-@]{1,128}$/u, 'a tag has 1 to 128 letters, digits, spaces or _.:/=+-@')
  .refine((key) => !/^(aws|sluice):/i.test(key), 'tags that begin with aws: or sluice: are taken')

/** Checks {@link StackOptions}. */
export const STACK_OPTIONS = {
  tags: z.record(TAG, z.string().max(256)).optional(),
  terminationProtection: z.boolean().optional(),
  containerInsights: z.boolean().optional(),
  shells: z.boolean().optional(),
  reservedConcurrency: z.partialRecord(z.enum(DECIDERS), z.int().min(1)).optional(),
} as const

const ALLOWED = z.strictObject({
  actions: z
    .array(z.string().regex(/^[a-z0-9-]+:[A-Za-z0-9*]+$/, 'must be an action such as athena:GetQueryResults'))
    .min(1),
  resources: z.array(z.string().regex(/^(arn:|\*$)/, "must be an ARN, or '*'")).min(1),
  conditions: z
    .record(z.string(), z.record(z.string(), z.union([z.string(), z.array(z.string())])))
    .optional(),
})

/** Checks what a pool's tasks may do. */
export const POOL_RIGHTS = {
  allows: z.array(ALLOWED).optional(),
  policies: z
    .array(
      z
        .string()
        .regex(
          /^(arn:[a-z-]+:iam::(\d{12}|aws):policy\/.+|[\w+=,.@/-]+)$/,
          'must be a managed policy by name or ARN',
        ),
    )
    .max(9, 'a role takes ten managed policies, of which one is left for secrets')
    .optional(),
} as const

/** Names of the network and of parts of other pools. */
const TAKEN =
  /^(cluster|network|noingress)$|-(logs|code|image|linux|repository|taskrole|executionrole)$|_programs$/i

/** Why a deployment cannot have pools of these names. */
export function findPoolNameProblems(names: string[]): string[] {
  const lower = Map.groupBy(names, (name) => name.toLowerCase())
  return [
    ...names
      .filter((name) => TAKEN.test(name))
      .map((name) => `pools.${name}: a deployment has a part of this name; give the pool another`),
    ...[...lower.values()]
      .filter((same) => same.length > 1)
      .map(
        (same) =>
          `pools ${same.join(' and ')} differ only in capitals; AWS needs names that differ otherwise`,
      ),
  ]
}
