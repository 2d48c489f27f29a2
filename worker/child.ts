import '../src/project/resolve-self.ts'
import { serveBodies } from '../src/homes/serve-bodies.ts'

/** The process of bodies on one machine; its arguments are described at `serveBodies`. */
await serveBodies()
