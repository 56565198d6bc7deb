// What the API says, as it says it. Times are ISO texts in UTC; only the view turns them into local time.
export const OUTCOMES = [
    "helped_at_home",
    "ambulance_called",
    "hospital",
    "false_alarm",
    "test",
    "no_help_needed",
    "other",
];
