import type { Ports } from '../../core/ports/deciding.ts'

/**
 * Ports as they are. Test builds replace this module by one whose ports die between two effects, or do them twice; no
 * other build has such a switch.
 */
export const addTestFaults = <P extends Pick<Ports, 'store' | 'plans' | 'queue'>>(ports: P): P => ports
