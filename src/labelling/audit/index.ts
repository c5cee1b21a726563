export { nextAlpha, totalAlphaOf, withinAlpha } from './alpha.js';
export { BettingEvidence } from './betting.js';
export { hypergeometricCdf, logHypergeometric, wrongUpperBound } from './hypergeometric.js';
export { judge, wanted, type GivenAnswers, type Rules } from './judge.js';
export { allowedErrors, certificationChances, earliestLooks, falseCertificateProbability } from './looks.js';
export { drawOrder, weightedKey, weightOf } from './weighted.js';
