import { plan } from './supervisor/services.js';
import { supervise } from './supervisor/supervisor.js';

// Started detached by `up`, with its plan as the one argument and its log as stdout.
await supervise(plan.parse(JSON.parse(process.argv[2] ?? 'null')), process.env);
process.exit(0);
