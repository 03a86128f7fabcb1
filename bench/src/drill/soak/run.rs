//! The whole run: load, faults, samples and progress side by side, and the checks at the end.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blog_service::api::v1::{ListPostsRequest, PostView};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::callers::SoakLoad;
use super::prepare::prepare;
use super::record::{RunEvent, RunFile};
use super::report::{RunParts, WriteFigures};
use super::rig::{ProcessIds, SoakRig};
use super::sampler::{self, Samples};
use super::tally::Tally;
use super::windows::RECOVERY_TIME;
use super::{SoakDatabase, SoakFault, SoakOptions, SoakPlan, SoakReport};
use crate::Failure;
use crate::drill::Random;
use crate::drill::revocation::HistoryFile;
use crate::machine::MachineFacts;
use crate::output::ReportOutput;
use crate::services::build;

/// Interval between two lines of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_mins(1);

/// Time from the start of the last fault to the end of the load.
const CALM_END: Duration = Duration::from_secs(4);

/// Time limit of the checks at the end.
const END_TIMEOUT: Duration = Duration::from_mins(2);

/// Posts of a listed page.
const PAGE_SIZE: i32 = 1_000;

/// Files of a run.
#[derive(Clone, Debug)]
pub struct SoakFiles {
    /// Samples, minutes and faults.
    pub samples: PathBuf,
    /// Checks of revoked tokens.
    pub history: Option<PathBuf>,
}

/// Runs the soak, and prints its table. Ctrl-C ends the load, and the table shows the run so far.
///
/// # Errors
/// Fails if the drill itself cannot continue, or a promise is broken.
pub async fn run(options: SoakOptions, command: &str) -> Result<(), Failure> {
    let output = ReportOutput::new(options.json.as_deref());
    output.show(&MachineFacts::read(command).to_string());
    let program = options.program.clone().map_or_else(build, Ok)?;
    let files = SoakFiles { samples: options.samples(), history: options.history.clone() };
    output.show(&format!("samples: {}\n", files.samples.display()));
    let interrupted = async {
        // Without a handler for the signal, the load runs to its end.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let report = soak(&program, options.plan(), &files, command, interrupted).await?;
    output.show(&format!("\n{}", report.text()));
    output.write(&report)?;
    match report.broken() {
        0 => Ok(()),
        count => Err(format!("promises were broken {count} times").into()),
    }
}

/// Parts that the tasks of a run share.
struct SoakRun {
    load: Arc<SoakLoad>,
    plan: SoakPlan,
    ids: ProcessIds,
    file: Mutex<RunFile>,
    samples: Mutex<Samples>,
    faults: Mutex<BTreeMap<String, u64>>,
    sweeps: Mutex<u64>,
    /// Set when the load has ended.
    is_over: watch::Sender<bool>,
}

/// Runs the plan until its end, or until `stop` is ready.
///
/// # Errors
/// Fails if a service does not start, or a file cannot be written.
pub async fn soak(
    program: &Path,
    mut plan: SoakPlan,
    files: &SoakFiles,
    command: &str,
    stop: impl Future<Output = ()>,
) -> Result<SoakReport, Failure> {
    if plan.database == SoakDatabase::Auto {
        let has_postgres = testkit::postgres::server().await.is_some();
        plan.database = if has_postgres { SoakDatabase::Postgres } else { SoakDatabase::Sqlite };
    }
    let machine = MachineFacts::read(command);
    let mut file = RunFile::create(&files.samples)?;
    file.write(&RunEvent::Start { schema: 1, machine: &machine, plan: &plan })?;
    let history = files.history.as_ref().map(|path| HistoryFile::create(path, command, 0)).transpose()?;
    let mut rig = SoakRig::start(program, &plan).await?;
    let load = Arc::new(prepare(&rig, &plan, history).await?);
    let run = SoakRun {
        load: Arc::clone(&load),
        ids: rig.ids.clone(),
        file: Mutex::new(file),
        samples: Mutex::default(),
        faults: Mutex::default(),
        sweeps: Mutex::default(),
        is_over: watch::Sender::new(false),
        plan,
    };
    let (stopping, stopped) = watch::channel(false);
    let mut calls = tokio::spawn(Arc::clone(&load).run(run.plan.rate, run.plan.length, stopped));
    let loaded = async {
        let ended = tokio::select! {
            ended = &mut calls => ended,
            () = stop => {
                stopping.send_replace(true);
                calls.await
            }
        };
        run.is_over.send_replace(true);
        ended.map_err(Failure::from)
    };
    let faults = async {
        let ended = run.faults(&mut rig).await;
        if ended.is_err() {
            stopping.send_replace(true);
        }
        ended
    };
    let (loaded, faults, sampled, shown) = tokio::join!(loaded, faults, run.sample(), run.progress());
    loaded.and(sampled).and(shown)?;
    // Calls of the checks at the end do not count.
    let (seconds, tally) = (load.now().as_secs_f64(), std::mem::take(&mut *load.tally()));
    if let Err(error) = faults {
        load.promises.miss("the services survive the faults", format!("{error}\n{}", rig.log_text()));
    }
    let writes = match timeout(END_TIMEOUT, run.check_end()).await {
        Ok(writes) => writes,
        Err(_) => Err("the checks at the end take too long".into()),
    };
    let writes = writes.unwrap_or_else(|error| {
        load.promises.miss("the services answer at the end", format!("{error}\n{}", rig.log_text()));
        WriteFigures::default()
    });
    if let Err(error) = rig.stop() {
        load.promises.miss("the services stop cleanly", error.to_string());
    }
    run.report(machine, seconds, &tally, writes)
}

impl SoakRun {
    /// Causes one fault after the other, until the load is over. All kinds come in a random order, and then again.
    async fn faults(&self, rig: &mut SoakRig) -> Result<(), Failure> {
        let mut random = Random::new(self.plan.seed);
        let possible = || SoakFault::possible(self.plan.database, self.plan.other_program.is_some());
        let all = if self.plan.faults.is_empty() { possible() } else { self.plan.faults.clone() };
        let (mut is_over, mut deck) = (self.is_over.subscribe(), Vec::new());
        for number in 1.. {
            // A fault comes at any time of the second quarter of its interval.
            let quarter = u64::try_from(self.plan.fault_interval.as_millis() / 4)?;
            let at = self.plan.fault_interval * (number - 1) + random.millis(quarter, 2 * quarter);
            if at + CALM_END > self.plan.length {
                break;
            }
            tokio::select! {
                () = sleep(at.saturating_sub(self.load.now())) => {}
                _ = is_over.wait_for(|is_over| *is_over) => break,
            }
            if deck.is_empty() {
                deck.clone_from(&all);
                deck.sort_by_cached_key(|_| random.number());
            }
            let Some(fault) = deck.pop() else { break };
            self.strike(rig, fault, &mut random).await?;
        }
        Ok(())
    }

    async fn strike(&self, rig: &mut SoakRig, fault: SoakFault, random: &mut Random) -> Result<(), Failure> {
        let begun = self.load.now();
        if fault.may_fail_calls() {
            self.load.windows.open(fault, begun);
        }
        let struck = rig.strike(fault, random).await;
        let ended = self.load.now();
        if fault.may_fail_calls() {
            self.load.windows.close(ended);
        }
        struck.map_err(|error| format!("{}: {error}", fault.name()))?;
        *locked(&self.faults).entry(fault.name()).or_default() += 1;
        let [begun_seconds, ended_seconds] = [begun, ended].map(|time| time.as_secs_f64());
        locked(&self.file).write(&RunEvent::Fault { fault, begun_seconds, ended_seconds })?;
        sleep(RECOVERY_TIME).await;
        self.sweep().await;
        Ok(())
    }

    /// Compares the posts without a call under way with the database.
    async fn sweep(&self) {
        let before = self.load.book().snapshot();
        match self.listed().await {
            Ok(listed) => {
                let broken = self.load.book().check(&before, &listed);
                self.load.promises.add(broken);
                *locked(&self.sweeps) += 1;
            }
            Err(error) => self.load.promises.miss("all posts can be listed after a fault", error.to_string()),
        }
    }

    /// Returns the titles of all posts by their ids.
    async fn listed(&self) -> Result<HashMap<String, String>, Failure> {
        let (mut listed, mut page_token) = (HashMap::new(), String::new());
        loop {
            let request = ListPostsRequest {
                page_size: PAGE_SIZE,
                page_token,
                view: PostView::Basic.into(),
                ..ListPostsRequest::default()
            };
            let page = self.load.posts(&self.load.author().ok_or("no author")?).list_posts(request).await?.into_inner();
            listed.extend(page.posts.into_iter().map(|post| (post.id, post.title)));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(listed);
            }
        }
    }

    /// Reads memory and descriptors at each interval.
    async fn sample(&self) -> Result<(), Failure> {
        let (mut ticks, mut is_over) = (interval(self.plan.sample_interval), self.is_over.subscribe());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let warm_up = Samples::warm_up(self.plan.length);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = is_over.wait_for(|is_over| *is_over) => return Ok(()),
            }
            let now = self.load.now();
            let (processes, in_fault) = (sampler::read(&self.ids, now), self.load.windows.meeting(now, now).is_some());
            locked(&self.samples).add(&processes, in_fault, warm_up);
            locked(&self.file).write(&RunEvent::Sample { in_fault, processes: &processes })?;
        }
    }

    /// Prints a line at each interval.
    async fn progress(&self) -> Result<(), Failure> {
        let mut is_over = self.is_over.subscribe();
        for number in 1_u32.. {
            tokio::select! {
                () = sleep((PROGRESS_INTERVAL * number).saturating_sub(self.load.now())) => {}
                _ = is_over.wait_for(|is_over| *is_over) => break,
            }
            let (outside, inside) = {
                let tally = self.load.tally();
                (tally.sum(|kind| kind.outside), tally.sum(|kind| kind.inside))
            };
            let (broken, revoked) = (self.load.promises.get().count, self.load.watch.sums().revocations);
            let (posts, faults) = (self.load.book().len(), locked(&self.faults).values().sum::<u64>());
            eprintln!(
                "minute {number}: {} outside {faults} faults, {} in them; {posts} posts, {revoked} tokens revoked, {broken} \
                 broken; {}",
                outside.text(),
                inside.text(),
                locked(&self.samples).last_text()
            );
            let at_seconds = self.load.now().as_secs_f64();
            locked(&self.file).write(&RunEvent::Minute { at_seconds, outside, inside, broken })?;
        }
        Ok(())
    }

    /// Checks all posts, all sessions and all revoked tokens, after the last call.
    async fn check_end(&self) -> Result<WriteFigures, Failure> {
        self.load.end_watches().await;
        let mut listed = self.listed().await?;
        listed.remove(self.load.watch.post());
        let broken = self.load.book().check_all(&listed);
        self.load.promises.add(broken);
        for session in self.load.sessions.all_lasting() {
            if self.load.refresh_session(session).await.is_none() {
                self.load.promises.miss("a session can be refreshed at the end", session.email.clone());
            }
        }
        if let Some(error) = self.load.watch.failure() {
            return Err(error.into());
        }
        let unanswered = self.load.book().unanswered();
        Ok(WriteFigures { posts: listed.len(), unanswered, sweeps: *locked(&self.sweeps) })
    }

    fn report(
        &self,
        machine: MachineFacts,
        seconds: f64,
        tally: &Tally,
        writes: WriteFigures,
    ) -> Result<SoakReport, Failure> {
        let report = SoakReport::new(RunParts {
            machine,
            plan: self.plan.clone(),
            seconds,
            tally,
            faults: locked(&self.faults).clone(),
            processes: locked(&self.samples).figures(self.plan.max_growth),
            revocations: &self.load.watch.sums(),
            writes,
            promises: &self.load.promises,
        });
        locked(&self.file).write(&RunEvent::End { report: &serde_json::to_value(&report)? })?;
        Ok(report)
    }
}

fn locked<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
