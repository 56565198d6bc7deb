// What the API says, as it says it. Times are ISO texts in UTC; only the view turns them into local time.

export type Status = "open" | "accepted" | "en_route" | "arrived" | "closed";
export type Severity = "critical" | "high" | "low" | "info";
export type ActionName = "accept" | "en-route" | "arrived" | "close" | "note" | "escalate";

export const OUTCOMES = [
  "helped_at_home",
  "ambulance_called",
  "hospital",
  "false_alarm",
  "test",
  "no_help_needed",
  "other",
] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Me {
  readonly name: string;
  readonly demo: boolean;
  readonly press: string | null;
  readonly phone?: string | null;
}

export interface Resident {
  readonly name: string;
  readonly birth_year?: number | null;
  readonly conditions?: string;
  readonly medication?: string;
  readonly notes?: string | null;
}

export interface Home {
  readonly label: string;
  readonly address: string;
  readonly residents: readonly Resident[];
}

export interface Contact {
  readonly name: string;
  readonly relation: string;
  readonly phones: readonly string[];
  /** When they may be called, in the time of the home. */
  readonly hours?: readonly string[];
  readonly has_key?: boolean;
}

/** The care station or the health centre. */
export interface Service {
  readonly name: string;
  readonly role: string;
  readonly phones: readonly string[];
}

export interface Device {
  readonly device_id: string;
  readonly model: string;
  readonly place: string;
}

export interface HomeInFull extends Home {
  readonly notes?: string | null;
  readonly keys?: string | null;
  readonly key_safe?: string;
  readonly contacts?: readonly Contact[];
  readonly services?: readonly Service[];
  readonly devices?: readonly Device[];
}

/** What the home was told last, and how far that has come. */
export interface HomeTold {
  readonly purpose: string;
  readonly stage: string;
  readonly can_confirm: boolean;
  readonly may_not_have_heard: boolean;
}

export interface Case {
  readonly id: string;
  readonly home_id: string;
  readonly status: Status;
  readonly severity: Severity;
  readonly opened_at: string;
  readonly updated_at: string;
  readonly summary: string;
  readonly summary_zh: string;
  /** A number to call before anything else. */
  readonly call: string | null;
  /** A suspicion: nobody is called before this moment. */
  readonly pre_alarm_until: string | null;
  readonly accepted_by: string | null;
  readonly accepted_at: string | null;
  readonly closed_at: string | null;
  readonly outcome: string | null;
  readonly due_at: string | null;
  readonly next_step: string | null;
  readonly round: number;
  readonly calls: number;
  readonly home_told: HomeTold | null;
  readonly home: Home;
}

export interface Line {
  readonly id: number;
  readonly at: string;
  readonly what: string;
  readonly by: string;
  readonly why: string;
  readonly source_id: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Delivery {
  readonly id: string;
  readonly step: string;
  readonly round: number;
  readonly person: string;
  readonly role: string;
  readonly channel: string;
  readonly purpose: string;
  readonly status: string;
  readonly attempts: number;
  readonly created_at: string;
  readonly sent_at: string | null;
  readonly detail: string | null;
  readonly detail_zh: string | null;
  /** How far a signal to the home has come; null for messages to people. */
  readonly stage: string | null;
}

export interface CaseInFull extends Case {
  readonly home: HomeInFull;
  readonly timeline: readonly Line[];
  readonly deliveries: readonly Delivery[];
}

export interface CasePage {
  readonly cases: readonly Case[];
  readonly next: string | null;
  readonly feed_id: number;
}

export interface FeedLine {
  readonly case: Case;
  readonly line: Line;
}

export interface ActionBody {
  readonly note?: string;
  readonly outcome?: string;
}
