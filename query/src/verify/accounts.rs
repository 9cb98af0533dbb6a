//! Every input row is on time, late or rejected: the log's ranges, the table `conservation` and the table `rejects`
//! say the same.

use std::collections::BTreeMap;

use quorate_schemas::log::Counts;
use quorate_schemas::place::{Origin, OriginRef};
use quorate_schemas::record::RecordKind;
use quorate_schemas::table::Table;

use super::contents::Contents;
use super::finding::{Check, Finding, Findings};
use super::log::Log;
use super::report::Checked;
use crate::error::Result;
use crate::rows::{Account, Refusal};

/// What the accounts say of votes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Votes {
    /// Votes that entered the dataflow.
    pub(super) on_time: i64,
    /// Of those, rejected in their task.
    pub(super) refused: i64,
}

pub(super) async fn check(
    contents: &Contents,
    log: &Log,
    findings: &mut Findings,
    checked: &mut Checked,
) -> Result<Votes> {
    let mut accounts: Vec<Account> = contents.read(Table::Conservation, findings).await?;
    accounts.sort_by(|a, b| (&a.origin, a.commit, a.from).cmp(&(&b.origin, b.commit, b.from)));
    let refusals: Vec<Refusal> =
        contents.read_columns(Table::Rejects, Refusal::COLUMNS, findings).await?;
    for account in &accounts {
        check_sum(account, findings);
    }
    if contents.are_whole(&[Table::Conservation]) {
        check_ranges(&accounts, log, findings, checked);
        check_totals(&accounts, log, findings, checked);
    }
    if contents.are_whole(&[Table::Conservation, Table::Rejects]) {
        check_refusals(&accounts, &refusals, findings);
    }
    let votes = RecordKind::Vote.source_key();
    let in_tasks =
        refusals.iter().filter(|refusal| !refusal.at_the_door && refusal.record == votes);
    let on_time = accounts
        .iter()
        .filter(|account| account.record == votes)
        .map(|account| account.on_time)
        .sum();
    Ok(Votes { on_time, refused: in_tasks.count() as i64 })
}

fn about(account: &Account, what: &str) -> Finding {
    of_partition(&account.origin, account.commit, what)
}

fn of_partition(origin: &Origin, commit: i64, what: &str) -> Finding {
    let finding = Finding::new(Check::Conservation, what).in_table(Table::Conservation.name());
    finding.key("source", &origin.source).key("partition", &origin.partition).key("commit", commit)
}

fn check_sum(account: &Account, findings: &mut Findings) {
    let became = account.on_time + account.late + account.rejected;
    if account.rows_in != became {
        findings.add(about(account, "rows_in").differs(became, account.rows_in));
    }
}

/// What a record says that a partition moved, as the rows of `conservation` say it: they may be several where a record
/// covers several checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Moved {
    from: i64,
    to: i64,
    counts: [i64; 4],
}

fn check_ranges(accounts: &[Account], log: &Log, findings: &mut Findings, checked: &mut Checked) {
    let mut by_record: BTreeMap<(u64, OriginRef), Moved> = BTreeMap::new();
    let horizon = i64::try_from(log.horizon()).unwrap_or(i64::MAX);
    for account in accounts.iter().filter(|account| account.commit > horizon) {
        let Some(record) = log.of_commit(account.commit) else {
            findings.add(about(account, "no record has committed this row"));
            continue;
        };
        let counts = [account.rows_in, account.on_time, account.late, account.rejected];
        match by_record.get_mut(&(record.seq, account.origin)) {
            None => {
                let moved = Moved { from: account.from, to: account.to, counts };
                by_record.insert((record.seq, account.origin), moved);
            }
            Some(moved) => {
                if moved.to != account.from {
                    findings.add(
                        about(account, "position, where the row before it ended")
                            .differs(moved.to, account.from),
                    );
                }
                moved.to = account.to;
                moved.counts.iter_mut().zip(counts).for_each(|(sum, more)| *sum += more);
            }
        }
    }
    // Of a trimmed log's first record it is not known where its rows begin.
    let known = log.records.iter().filter(|record| record.standing.checkpoint > log.horizon());
    for (seq, commit) in known.filter_map(|record| Some((record.seq, record.commit()?))) {
        for range in &commit.ranges {
            checked.ranges += 1;
            let Counts { rows_in, on_time, late, rejected } = range.counts();
            let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            let counts = [rows_in, on_time, late, rejected].map(signed);
            let expected = Moved { from: signed(range.from), to: signed(range.to), counts };
            let commit = signed(commit.checkpoint);
            match by_record.remove(&(seq, range.origin.clone().shared())) {
                // Blank lines move a position and are no rows.
                None if counts == [0; 4] => {}
                None => findings.add(
                    of_partition(&range.origin, commit, "the log's range has no row")
                        .in_record(seq),
                ),
                Some(found) if found != expected => {
                    let finding = of_partition(
                        &range.origin,
                        commit,
                        "position, position_to and the four counts",
                    );
                    findings.add(finding.in_record(seq).differs(show(&expected), show(&found)));
                }
                Some(_) => {}
            }
        }
    }
    // A row that moves nothing says that its partition has ended.
    for ((seq, origin), found) in
        by_record.into_iter().filter(|(_, found)| found.from != found.to || found.counts != [0; 4])
    {
        let finding = of_partition(&origin, 0, "the row has no range in the log").in_record(seq);
        findings.add(finding.differs("nothing", show(&found)));
    }
}

fn show(moved: &Moved) -> String {
    let Moved { from, to, counts: [rows_in, on_time, late, rejected] } = moved;
    format!("[{from}, {to}) {rows_in} = {on_time} + {late} + {rejected}")
}

/// Whether each partition has as many rejects at the door, in each commit, as its account says.
fn check_refusals(accounts: &[Account], refusals: &[Refusal], findings: &mut Findings) {
    let mut counts: BTreeMap<(i64, OriginRef), [i64; 2]> = BTreeMap::new();
    for account in accounts {
        let sum = counts.entry((account.commit, account.origin)).or_default();
        sum[0] += account.late;
        sum[1] += account.rejected;
    }
    let mut found: BTreeMap<(i64, OriginRef), [i64; 2]> = BTreeMap::new();
    for refusal in refusals.iter().filter(|refusal| refusal.at_the_door) {
        let sum = found.entry((refusal.commit, refusal.origin)).or_default();
        sum[usize::from(!refusal.late)] += 1;
    }
    found.keys().for_each(|key| {
        counts.entry(*key).or_default();
    });
    for ((commit, origin), expected) in &counts {
        let found = found.get(&(*commit, *origin)).copied().unwrap_or_default();
        for (nr, what) in
            ["late rows among the rejects", "rejected rows among the rejects"].iter().enumerate()
        {
            if expected[nr] != found[nr] {
                let finding = of_partition(origin, *commit, what).in_table(Table::Rejects.name());
                findings.add(finding.differs(expected[nr], found[nr]));
            }
        }
    }
}

/// The log's totals are those of the table, also where the records that made them up are gone.
fn check_totals(accounts: &[Account], log: &Log, findings: &mut Findings, checked: &mut Checked) {
    let Some(last) = log.last() else { return };
    let sum = |count: fn(&Account) -> i64| {
        u64::try_from(accounts.iter().map(count).sum::<i64>()).unwrap_or(0)
    };
    let found = Counts {
        rows_in: sum(|account| account.rows_in),
        on_time: sum(|account| account.on_time),
        late: sum(|account| account.late),
        rejected: sum(|account| account.rejected),
    };
    (checked.rows_in, checked.on_time) = (found.rows_in, found.on_time);
    (checked.late, checked.rejected) = (found.late, found.rejected);
    let expected = last.standing.totals;
    for (what, expected, found) in [
        ("rows_in of all commits", expected.rows_in, found.rows_in),
        ("on_time of all commits", expected.on_time, found.on_time),
        ("late of all commits", expected.late, found.late),
        ("rejected of all commits", expected.rejected, found.rejected),
    ] {
        if expected != found {
            let finding =
                Finding::new(Check::Conservation, what).in_table(Table::Conservation.name());
            findings.add(finding.in_record(last.seq).differs(expected, found));
        }
    }
}
