import { requestsSuite } from './requests.suite.ts'

// Nothing grows with the size of the graph.
requestsSuite([
  { shape: 'wide', size: 2_500, concurrency: 50, handOnMs: 3_600_000, sqs: 1.5, invocations: 1.2 },
])
