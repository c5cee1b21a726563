import { askPeople } from '../../src/workflows/ask-people.js';
import type { ToAsk } from '../../src/workflows/ask-people.js';

export * from '../../src/workflows/index.js';

/** A workflow that asks people within its own course. */
export const asking = (ask: ToAsk) => askPeople(ask);
