import { type EMRServerlessClient, StartJobRunCommand } from '@aws-sdk/client-emr-serverless'
import { readErrorMessage, readErrorName } from '../../../core/errors.ts'
import { formatJobName } from '../../../core/job-name.ts'
import { makeJobStreamPrefix } from '../../../core/names.ts'
import type { LaunchAnswer, LaunchOrder, LaunchRefusal } from '../../../core/ports/launching.ts'
import type { JobDetails } from '../../../core/program.ts'
import { isThrottled, makeEmrHandle } from '../jobs.ts'

/** How a request for a job run went; `known`: an earlier request under its token differs from this one. */
type StartAnswer = LaunchAnswer | { is: 'known'; message: string }

/** Starts a job run. EMR itself tries it once: what comes after a failure is decided by the retries of the task. */
export async function startJobRun(
  client: EMRServerlessClient,
  deployment: string,
  { handover, target, details }: LaunchOrder<JobDetails>,
): Promise<StartAnswer> {
  const {
    script,
    arguments: entryPointArguments,
    pyFiles,
    properties,
    role,
    logGroup,
    timeoutMinutes,
  } = details
  try {
    const { jobRunId = '' } = await client.send(
      new StartJobRunCommand({
        applicationId: target,
        clientToken: handover.token,
        name: formatJobName(deployment, handover),
        executionRoleArn: role,
        jobDriver: {
          sparkSubmit: {
            entryPoint: script,
            ...(entryPointArguments.length === 0 ? {} : { entryPointArguments: [...entryPointArguments] }),
            // A property may have 1,024 characters, these 102,400.
            ...(pyFiles.length === 0 ? {} : { sparkSubmitParameters: `--py-files ${pyFiles.join(',')}` }),
          },
        },
        configurationOverrides: {
          applicationConfiguration: [{ classification: 'spark-defaults', properties: { ...properties } }],
          monitoringConfiguration: {
            cloudWatchLoggingConfiguration: {
              enabled: true,
              logGroupName: logGroup,
              logStreamNamePrefix: makeJobStreamPrefix(handover.run, handover.number, handover.attempt).slice(
                0,
                -1,
              ),
              logTypes: { SPARK_DRIVER: ['STDOUT', 'STDERR'] },
            },
          },
        },
        ...(timeoutMinutes === undefined ? {} : { executionTimeoutMinutes: timeoutMinutes }),
        mode: 'BATCH',
        retryPolicy: { maxAttempts: 1 },
      }),
    )
    return { is: 'launched', handle: makeEmrHandle(target, jobRunId) }
  } catch (error) {
    return refuse(error, target)
  }
}

function refuse(error: unknown, application: string): LaunchRefusal | { is: 'known'; message: string } {
  const name = readErrorName(error)
  const told = readErrorMessage(error)
  if (isThrottled(name, told)) return { is: 'throttled', message: told }
  if (name === 'ServiceQuotaExceededException') return { is: 'no_capacity', message: told }
  if (name === 'ConflictException') return { is: 'known', message: explain(told, application) }
  if (name === 'ResourceNotFoundException')
    return {
      is: 'invalid',
      message: `there is no application ${application} (${told}); deploy again, or name one that is there`,
    }
  if (name === 'AccessDeniedException')
    return {
      is: 'invalid',
      message: `the application ${application} or the role of its jobs may not be used (${told}); deploy again, or allow both`,
    }
  if (name === 'ValidationException') return { is: 'invalid', message: explain(told, application) }
  throw error
}

const explain = (told: string, application: string) =>
  /stopp|terminat|not started|STARTED state/i.test(told)
    ? `the application ${application} does not take jobs (${told}); start it, or let it start by itself`
    : told
