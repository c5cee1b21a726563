import { compact } from './compact.js';
import type { ModelSpec, NetworkName } from '../../contracts/learner.js';
import type { Network } from '../network.js';

const NETWORKS: Record<NetworkName, (spec: ModelSpec) => Network> = { compact };

export const createNetwork = (spec: ModelSpec): Network => NETWORKS[spec.network](spec);
