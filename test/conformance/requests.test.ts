import { requestsSuite } from './requests.suite.ts'

// Longer than any machine takes for these graphs.
const handOnMs = 3_600_000

// A delete for each message, and sends and receipts by ten where batches fill; a chain that is handed on has hardly any message.
requestsSuite([
  { shape: 'chain', size: 150, concurrency: 1, handOnMs, sqs: 0.5, invocations: 1.3 },
  { shape: 'layered', size: 300, concurrency: 10, handOnMs, sqs: 2.2, invocations: 1.3 },
  { shape: 'wide', size: 700, concurrency: 10, handOnMs, sqs: 2.2, invocations: 1.3 },
  { shape: 'chain', size: 150, concurrency: 1, handOnMs: 0, sqs: 3.2, invocations: 3.2 },
])
