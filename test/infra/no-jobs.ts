import type { DeployedJobs } from '../../infra/read-jobs.ts'

/** What a deployment without jobs of EMR needs for them. */
export const NO_JOBS: DeployedJobs = {
  applications: {},
  foreign: [],
  clusters: [],
  logs: [],
  pools: [],
  rolePools: [],
  secrets: [],
  roleSecrets: {},
  files: {},
  ofFamilies: {},
}
