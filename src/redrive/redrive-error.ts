import { CodedError } from '../lib/errors.ts';

/**
 * A redrive could not go on; what it has done stays done, and it may be begun again. `FailureRateHigh`: too many of the redriven events died again. `NoProgress`: as many as may be
 * under way at a time do not come to an end. `RecordsUnreadable`: it has done all else, but there are events whose record cannot be read.
 */
export class RedriveError extends CodedError<
  'PublishRefused' | 'PublishUnknown' | 'FailureRateHigh' | 'NoProgress' | 'RecordsUnreadable'
> {}
