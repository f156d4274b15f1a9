/** The mock answers in the pages' own types, so that a change of the API breaks it at once. */
import type { FindingSummary } from "../../web/src/api/types";

export type * from "../../web/src/api/types";

export type Named = FindingSummary["asset"];
