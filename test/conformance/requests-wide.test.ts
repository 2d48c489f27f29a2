import { requestsSuite } from './requests.suite.ts'

// Nothing grows with the size of the graph: the root requires more than the bits of one record hold.
requestsSuite([
  { shape: 'wide', size: 1_200, concurrency: 50, handOnMs: 3_600_000, sqs: 1.5, invocations: 1.2 },
])
