import { requestsSuite } from './requests.suite.ts'

const handOnMs = 30_000

// A delete for each task, and sends and receipts by ten where batches fill; a chain that is handed on needs hardly any message.
requestsSuite([
  { shape: 'wide', size: 700, concurrency: 10, handOnMs, sqs: 2.2, invocations: 1.3 },
  { shape: 'wide', size: 700, concurrency: 10, handOnMs: 0, sqs: 2.2, invocations: 1.3 },
  { shape: 'layered', size: 300, concurrency: 10, handOnMs, sqs: 2.2, invocations: 1.3 },
  { shape: 'layered', size: 300, concurrency: 10, handOnMs: 0, sqs: 2.2, invocations: 1.3 },
  { shape: 'chain', size: 150, concurrency: 1, handOnMs, sqs: 0.5, invocations: 1.3 },
  { shape: 'chain', size: 150, concurrency: 1, handOnMs: 0, sqs: 3.2, invocations: 3.2 },
])
