import { requestsSuite } from './requests.suite.ts'

// A delete for each task, and sends and receipts by ten where batches fill.
requestsSuite([
  { shape: 'wide', size: 700, concurrency: 10, sqs: 2.2 },
  { shape: 'layered', size: 300, concurrency: 10, sqs: 2.2 },
  { shape: 'chain', size: 150, concurrency: 1, sqs: 3.2 },
])
