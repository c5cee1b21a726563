import { grouped, ofClass, percent } from '../certificate/statement.js';
import type { AuditSettings, Judgement, PlanOutlook, Protocol } from '../../contracts/audit.js';

const plural = (value: number, noun: string): string => `${grouped(value)} ${noun}${value === 1 ? '' : 's'}`;

/** In a dry run, who answers. */
const dry = (protocol: Pick<Protocol, 'panel'>): string =>
  protocol.panel.answersFrom === 'truth' ? ' Dry run: hidden labels answer for people.' : '';

/** What people should expect before they are asked the first time. */
export const outlookWords = ({ expected, percentile90, success }: PlanOutlook): string =>
  `${plural(expected, 'answer')} expected, ${grouped(percentile90)} in nine of ten cases; the budget suffices with a chance of ${Math.floor(success * 100)} %`;

const goal = ({ cuts, epsilon, totalAlpha }: Protocol, which = ''): string => {
  const largest = cuts.at(-1);
  return `at most ${percent(epsilon)} % of up to ${plural(largest?.size ?? 0, 'label')}${which} wrong, ${percent(1 - totalAlpha)} % confidence`;
};

/** Before the draw. */
export const nonceWords = (protocol: Protocol, outlook: PlanOutlook): string =>
  `waits for the nonce of the draw: labelloop audit nonce ${protocol.run} VALUE (what nobody could know yet: dice, a public beacon's value). ` +
  openedWords(protocol, outlook);

/** When the protocol is committed and nobody has been asked. */
export const openedWords = (protocol: Protocol, outlook: PlanOutlook): string =>
  `To certify ${goal(protocol, ofClass(protocol))}: ${outlookWords(outlook)}.${dry(protocol)}`;

/** While people answer. They read it, and answer blind: it does not name the class. */
export function askingWords(protocol: Protocol, outlook: PlanOutlook | null, now: Judgement, due: number): string {
  const tested = now.cuts.find(({ status }) => status === 'open') ?? now.cuts.at(-1);
  const held = now.certified === null ? '' : ` ${grouped(now.cuts[now.certified]?.size ?? 0)} labels are certified.`;
  const so = tested ? ` ${plural(tested.audited, 'label')} audited, ${grouped(tested.wrong)} wrong.` : '';
  const taken = now.answers.repair + now.answers.audit;
  const all = outlook ? ` In all, ${outlookWords(outlook)}; ${grouped(taken)} are in.` : '';
  const first =
    now.answers.repair < protocol.repair.count ? ' on the riskiest labels, which come before the draw,' : '';
  return `waits for ${plural(due, 'answer')}${first} to certify ${goal(protocol)}.${held}${so}${all}${dry(protocol)}`;
}

/** How it ended, without the certificate's own words. */
export function endedWords(protocol: Protocol, end: Judgement, stopped: boolean): string {
  const taken = end.answers.repair + end.answers.audit;
  const largest = protocol.cuts.at(-1);
  const certified = end.certified === null ? null : protocol.cuts[end.certified];
  const failed = end.cuts.find(({ status }) => status === 'failed');
  const open = end.cuts.find(({ status }) => status === 'open' || status === 'failed');
  const why = stopped
    ? 'It was stopped'
    : end.outcome === 'certified'
      ? 'All that was planned is certified'
      : end.outcome === 'failed'
        ? `${plural(failed?.wrong ?? 0, 'mistake')} among ${plural(failed?.audited ?? 0, 'audited label')} are too many for the next ${certified ? 'larger set' : 'set'} of labels`
        : `What is left of the budget of ${plural(protocol.budget, 'answer')} can't certify more`;
  const what = certified
    ? `${plural(certified.size, 'label')} of ${grouped(protocol.labels)}${ofClass(protocol)} are certified after ${plural(taken, 'answer')}.`
    : `Nothing is certified after ${plural(taken, 'answer')}. The answers are kept as labels.`;
  const further =
    end.outcome === 'certified' || !open
      ? ''
      : ` To get further: another audit of better labels, a larger budget (--audit-budget) or a higher error (--certify) than ${percent(protocol.epsilon)} % of ${plural(largest?.size ?? 0, 'label')}.`;
  return `${what} ${why}.${further}${dry(protocol)}`;
}

/** What no budget and no labels could mend; null: nothing. */
function impossibleWords(
  { epsilon, budget, repair, instrument, drawing }: Parameters<typeof hopelessWords>[0],
  labels: number,
): string | null {
  const least = Math.min(budget, labels);
  if (instrument === 'looks' && drawing === 'uncertainty')
    return "looks are exact for uniform draws alone. Take 'uniform' drawing, or 'betting' as the instrument.";
  if (Math.floor(epsilon * labels) < 1)
    return `${percent(epsilon)} % of ${plural(labels, 'label')} is less than one label, which only an answer for each of them could show. Have people label them, or take a higher error.`;
  if (typeof repair === 'number' && repair >= least)
    return `a repair of ${plural(repair, 'label')} leaves nothing to audit of ${least === labels ? plural(labels, 'label') : `a budget of ${plural(budget, 'answer')}`}. Take a smaller repair, or 'auto'.`;
  return null;
}

/**
 * No plan within the budget: nobody is asked.
 *
 * @param planned.budgetNeeded answers with which there would be a plan; null where none was found
 */
export function hopelessWords(
  settings: Pick<AuditSettings, 'epsilon' | 'budget'> &
    Partial<Pick<AuditSettings, 'repair' | 'instrument' | 'drawing' | 'class'>>,
  labels: number,
  { nearest, budgetNeeded }: { nearest: PlanOutlook | null; budgetNeeded: number | null },
): string {
  const impossible = impossibleWords(settings, labels);
  if (impossible !== null) return `Nobody is asked: ${impossible}`;
  const near =
    nearest === null
      ? ''
      : ` The nearest plan, for ${plural(nearest.size, 'label')}, has a chance of ${Math.floor(nearest.success * 100)} %.`;
  const cost =
    budgetNeeded === null
      ? ' No larger budget would do either: the labels are believed to have more mistakes than that.'
      : ` A budget of ${plural(budgetNeeded, 'answer')} would do (--audit-budget ${budgetNeeded}).`;
  return (
    `Nobody is asked: with ${plural(settings.budget, 'answer')} no audit can be expected to certify that at most ` +
    `${percent(settings.epsilon)} % of the ${plural(labels, 'label')}${ofClass(settings)}, or of the surest of them, are wrong.${near}${cost} ` +
    'More labels to train from, or a higher error, help too.'
  );
}
