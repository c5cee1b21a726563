export { nextAlpha, totalAlphaOf, withinAlpha } from './alpha.js';
export { BettingEvidence } from './betting.js';
export { type CalibrationPoint } from './belief.js';
export { hypergeometricCdf, logHypergeometric, wrongUpperBound } from './hypergeometric.js';
export { judge, wanted, type GivenAnswers, type Rules } from './judge.js';
export { allowedErrors, certificationChances, earliestLooks, falseCertificateProbability } from './looks.js';
export { mostWrong, plan, type Plan, type Planned, type PlanInput } from './plan.js';
export { drawOrder, weightedKey, weightOf } from './weighted.js';
