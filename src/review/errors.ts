import { problem } from '../contracts/errors.js';
import type { LabelloopError } from '../contracts/errors.js';

/** What can keep the people's page from being served. */
export const reviewErrors = {
  /** `review RUN` of a run that has only begun. */
  noDataset: (run: string): LabelloopError =>
    problem('RUN_NO_RESULTS', `Run '${run}' has only begun. 'labelloop run show ${run}' says how far it is.`),

  /** Another program listens there. */
  portTaken: (host: string, port: number, cause: unknown): LabelloopError =>
    problem('USAGE', `${host}:${port} is taken. Pass another --port, or --port 0 for any that is free.`, cause),

  /** `--host` names no address of this machine. */
  hostUnusable: (host: string, cause: unknown): LabelloopError =>
    problem('USAGE', `--host ${host}: this machine has no such address. Leave it out for this machine alone.`, cause),

  /** `--show-guess` of a run that is audited: a person who sees the guess answers no blind question. */
  guessOfAudited: (run: string): LabelloopError =>
    problem(
      'USAGE',
      `An audit of run '${run}' is open, and its answers must be blind. Leave --show-guess out; it is for questions without an audit.`,
    ),

  byAndHeader: (): LabelloopError => problem('USAGE', '--by and --user-header both say who answers. Pass one of them.'),

  headerInvalid: (header: string): LabelloopError =>
    problem('USAGE', `--user-header '${header}' is no header's name. Write it like X-Forwarded-User.`),
};

/** A request that is not served: HTTP status, a code for the page, and a sentence for whoever reads it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export const refusals = {
  wrongHost: () =>
    new Refusal(
      421,
      'HOST',
      'This server is not called so. A proxy that passes its own name on needs --allow-host NAME.',
    ),
  noAccess: () => new Refusal(401, 'ACCESS', "Open the address that 'labelloop review' printed: it carries the token."),
  noUser: (header: string) =>
    new Refusal(401, 'ACCESS', `The proxy before this page sent no ${header}, so nobody knows who answers.`),
  foreign: () => new Refusal(403, 'FOREIGN', 'Answers come from the page itself, not from another site.'),
  stale: () => new Refusal(403, 'STALE', 'The page is from before the server was started. Load it again.'),
  notFound: () => new Refusal(404, 'NOT_FOUND', 'There is nothing here.'),
  method: () => new Refusal(405, 'METHOD', 'This address does not take that.'),
  notJson: () => new Refusal(415, 'BODY', 'Send JSON, and say so: content-type: application/json.'),
  tooLarge: () => new Refusal(413, 'BODY', 'Too much at once. Send at most 100 answers.'),
  invalid: (detail: string) => new Refusal(400, 'INVALID', detail),
};
