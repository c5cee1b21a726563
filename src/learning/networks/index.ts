import { compact } from './compact.js';
import { denseNet } from './densenet.js';
import { resNet } from './resnet.js';
import type { ModelSpec, NetworkName } from '../../contracts/learner.js';
import type { Network } from '../network.js';

const NETWORKS: Record<NetworkName, (spec: ModelSpec) => Network> = {
  compact,
  resnet: resNet,
  densenet: denseNet,
};

/** The network that a checkpoint's metadata names. */
export const createNetwork = (spec: ModelSpec): Network => NETWORKS[spec.network](spec);
