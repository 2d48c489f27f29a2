import { requestsSuite } from './requests.suite.ts'

// Nothing grows with the size of the graph.
requestsSuite([{ shape: 'wide', size: 2_500, concurrency: 50, sqs: 1.5 }])
