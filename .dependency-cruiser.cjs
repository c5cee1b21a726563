/** Who may import whom: the rooms of docs/architecture.md, enforced. */
const rooms = {
  contracts: [],
  workflows: ['contracts'],
  activities: ['contracts', 'labelling', 'store', 'datasets', 'learner'],
  learner: ['contracts', 'learning'],
  learning: ['contracts'],
  labelling: ['contracts'],
  datasets: ['contracts', 'store'],
  store: ['contracts'],
  workers: ['contracts', 'activities', 'store', 'learner'],
  local: ['contracts'],
  // labelling is pure: the client makes and reads certificates by it.
  client: ['contracts', 'store', 'labelling'],
  report: ['contracts', 'client', 'store'],
  review: ['contracts', 'client'],
  cli: ['contracts', 'client', 'local', 'workers', 'datasets', 'store', 'report', 'review'],
};

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `room-${room}`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: '^src/', pathNot: `^src/(${[room, ...allowed].join('|')})/` },
    })),
    {
      name: 'workflows-take-types-alone',
      comment: 'zod in the sandbox multiplies per cached workflow; Node built-ins are not there',
      severity: 'error',
      from: { path: '^src/workflows/' },
      to: {
        pathNot: ['^src/workflows/', '^src/contracts/names.ts$', 'node_modules/@temporalio/(workflow|common)'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'page-takes-types-alone',
      comment: 'the browser loads src/review/page/ as it was compiled, and nothing else',
      severity: 'error',
      from: { path: '^src/review/page/' },
      to: { pathNot: '^src/review/page/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'tfjs-in-learning-alone',
      comment: 'tfjs blocks the JavaScript thread and holds GPU memory: only the learner process loads it',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/learning/' },
      to: { path: 'node_modules/@tensorflow' },
    },
    {
      name: 'host-does-not-load-learning',
      severity: 'error',
      from: { path: '^src/(?!learner/|learning/)' },
      to: { path: '^src/learning/' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
};
