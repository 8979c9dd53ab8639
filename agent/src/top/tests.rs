//! What the screen shows, and what keys do, on a terminal of 80 by 24 characters.

use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind},
    style::Color,
};

use super::{app::App, draw::draw, source::Update};
use crate::live::{KeptClose, LiveView, NumberedClose, example};

fn shown(app: &mut App) -> String {
    screen(app).backend().to_string()
}

fn screen(app: &mut App) -> Terminal<TestBackend> {
    screen_of(app, 80, 24)
}

fn screen_of(app: &mut App, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| draw(frame, app)).expect("drawn");
    terminal
}

fn app() -> App {
    let mut app = App::new(false);
    app.update(Update::Seen(Box::new(seen())));
    app
}

fn seen() -> (LiveView, Vec<NumberedClose>) {
    let (view, closes) = example::losing();
    let closes: Vec<&KeptClose> = closes.iter().map(|close| &**close).collect();
    (view, closes.into_iter().map(NumberedClose::new).collect())
}

fn press(app: &mut App, keys: &[KeyCode]) {
    for &key in keys {
        app.key(KeyEvent::new(key, KeyModifiers::NONE));
    }
}

fn mouse(app: &mut App, kind: MouseEventKind, (column, row): (u16, u16)) {
    app.mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
}

const CLICK: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

/// Clicks at the first place where `text` is.
fn click(app: &mut App, text: &str) {
    let screen = shown(app);
    let lines = (0..).zip(screen.lines());
    let at = lines.filter_map(|(row, line)| {
        let column = line.split_once(text)?.0.chars().count();
        // The screen has a quotation mark before each line.
        Some((column as u16 - 1, row))
    });
    let at = at.min_by_key(|(_, row)| *row).unwrap_or_else(|| panic!("{text}:\n{screen}"));
    mouse(app, CLICK, at);
}

fn letters(app: &mut App, text: &str) {
    text.chars().for_each(|c| press(app, &[KeyCode::Char(c)]));
}

#[test]
fn the_first_screen_says_who_hangs_up_and_what_to_do() {
    let text = shown(&mut app());
    for wanted in [
        "node on port 8080 closes idle connections after 5.00 s",
        "keepAliveTimeout",
        "LOSING",
        "STATE*",
        "q quit",
    ] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    let node = text.lines().position(|line| line.contains("node:8080")).expect("a row");
    let nginx = text.lines().position(|line| line.contains("nginx:9090")).expect("a row");
    assert!(node < nginx, "the worst first:\n{text}");
}

#[test]
fn nothing_seen_yet_is_said_as_such() {
    let text = shown(&mut App::new(false));
    assert!(text.contains("waiting for the first look") && text.contains("Nothing yet."), "{text}");
}

#[test]
fn endpoints_are_sorted_by_the_column_that_keys_choose() {
    let mut app = app();
    shown(&mut app);
    let order = |app: &mut App| {
        let text = shown(app);
        text.find("nginx:").expect("nginx") < text.find("node:").expect("node")
    };
    letters(&mut app, "s");
    assert!(order(&mut app), "by name");
    letters(&mut app, "r");
    assert!(!order(&mut app), "by name, turned");
    letters(&mut app, "rS");
    assert!(!order(&mut app), "the worst first again");
}

#[test]
fn an_endpoint_opens_with_its_advice_and_drawing_and_closes_again() {
    let mut app = app();
    press(&mut app, &[KeyCode::Enter]);
    let text = shown(&mut app);
    for wanted in ["node server on port 8080  requests lost", "why", "do ", "server shuts", "Esc back"] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    press(&mut app, &[KeyCode::End]);
    let end = shown(&mut app);
    assert!(end.contains("at stake") || end.contains("requests  "), "scrolled to the end:\n{end}");
    press(&mut app, &[KeyCode::Esc]);
    assert!(shown(&mut app).contains("nginx:9090"));
}

#[test]
fn the_last_closes_show_their_evidence_and_can_be_filtered() {
    let mut app = app();
    letters(&mut app, "3");
    let text = shown(&mut app);
    assert!(text.contains("node:8080") && text.contains("idle-race"), "{text}");
    letters(&mut app, "/9090");
    press(&mut app, &[KeyCode::Enter]);
    let text = shown(&mut app);
    assert!(text.contains("nginx:9090") && !text.contains("node:8080"), "{text}");
    press(&mut app, &[KeyCode::Enter]);
    let text = shown(&mut app);
    assert!(text.contains("known by") && text.contains("own FIN first"), "{text}");
    press(&mut app, &[KeyCode::Esc, KeyCode::Esc]);
    assert!(shown(&mut app).contains("node:8080"));
}

#[test]
fn shutdowns_show_what_they_cost_and_open_with_what_to_do() {
    let mut app = app();
    letters(&mut app, "4");
    let text = shown(&mut app);
    for wanted in ["WHAT IT COST", "nginx:9090", "nothing lost", "node:8080", "3 connects refused"] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    letters(&mut app, "/8080");
    press(&mut app, &[KeyCode::Enter, KeyCode::Enter]);
    let text = shown(&mut app);
    for wanted in ["node stopped listening on port 8080, SIGTERM", "cost", "do ", "preStop", "last accept"] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    assert!(!text.contains("nginx"), "{text}");
}

#[test]
fn what_is_chosen_stays_chosen_while_others_come() {
    let mut app = app();
    letters(&mut app, "3");
    press(&mut app, &[KeyCode::Down]);
    let chosen = app.closes()[app.row()].number;
    let (view, mut closes) = seen();
    let newer: Vec<_> =
        (100..110).rev().map(|number| NumberedClose { number, ..closes[0].clone() }).collect();
    closes.splice(..0, newer);
    app.update(Update::Seen(Box::new((view, closes))));
    assert_eq!(app.closes()[app.row()].number, chosen);
}

#[test]
fn paused_it_stands_still_and_a_daemon_that_is_gone_is_reported() {
    let mut app = app();
    letters(&mut app, "p");
    let (mut view, closes) = seen();
    view.lost_hour = 77;
    app.update(Update::Seen(Box::new((view, closes))));
    let text = shown(&mut app);
    assert!(text.contains("PAUSED") && !text.contains("77 lost"), "{text}");
    app.update(Update::Lost("no daemon answers".to_owned()));
    assert!(shown(&mut app).contains("NO ANSWER"));
}

#[test]
fn without_colour_nothing_is_coloured_and_with_it_what_is_bad_is_red() {
    let colours = |coloured: bool| {
        let mut app = App::new(coloured);
        app.update(Update::Seen(Box::new(seen())));
        let terminal = screen(&mut app);
        let cells = terminal.backend().buffer().content();
        cells.iter().map(|cell| cell.fg).collect::<Vec<_>>()
    };
    assert!(colours(false).iter().all(|&colour| colour == Color::Reset));
    assert!(colours(true).contains(&Color::Red));
}

#[test]
fn names_from_elsewhere_do_not_move_the_cursor() {
    let mut app = App::new(false);
    let (mut view, mut closes) = seen();
    view.endpoints[0].title = "\u{1b}[2J\u{9b}31m evil".to_owned();
    view.endpoints[0].process = "\u{1b}[2J\u{9b}".to_owned();
    view.headline.text = "\u{1b}]0;title\u{7}".to_owned();
    closes[0].summary = "\u{1b}[1;1H".to_owned();
    closes[0].close.evidence = vec!["\u{1b}c".to_owned()];
    view.shutdowns[0].cost = "\u{1b}[1;1H".to_owned();
    view.shutdowns[0].summary = "\u{1b}c".to_owned();
    app.update(Update::Seen(Box::new((view, closes))));
    for keys in ["1", "2", "3", "4", "\n"] {
        letters(&mut app, keys);
        let terminal = screen(&mut app);
        let all = terminal.backend().buffer().content().iter().map(ratatui::buffer::Cell::symbol);
        assert!(all.flat_map(str::chars).all(|c| !c.is_control()));
    }
}

#[test]
fn a_terminal_that_is_too_small_is_no_reason_to_panic() {
    for (width, height) in [(1, 1), (10, 3), (40, 8), (300, 100)] {
        let mut app = app();
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        for key in ["1", "2", "3", "4"] {
            letters(&mut app, key);
            terminal.draw(|frame| draw(frame, &mut app)).expect("drawn");
            press(&mut app, &[KeyCode::Enter]);
            terminal.draw(|frame| draw(frame, &mut app)).expect("drawn");
        }
    }
}

#[test]
fn q_and_ctrl_c_end_it() {
    let mut one = app();
    letters(&mut one, "q");
    assert!(one.is_over());
    let mut other = app();
    other.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    assert!(other.is_over());
}

#[test]
fn the_keys_and_words_are_shown_over_all_and_go_with_any_key() {
    let mut app = app();
    for open in ["?", "h"] {
        letters(&mut app, open);
        let text = shown(&mut app);
        for wanted in ["Keys and words", "s S", "wheel scrolls", "curl>8080", "any key closes"] {
            assert!(text.contains(wanted), "{wanted}:\n{text}");
        }
        letters(&mut app, "q");
        assert!(!app.is_over() && !shown(&mut app).contains("Keys and words"));
    }
    press(&mut app, &[KeyCode::F(1)]);
    click(&mut app, "Keys and words");
    assert!(!shown(&mut app).contains("Keys and words"));
}

#[test]
fn a_click_on_a_heading_sorts_and_a_second_one_turns() {
    let mut app = app();
    let first = |app: &mut App| app.endpoints()[0].process.clone();
    assert_eq!(first(&mut app), "node");
    click(&mut app, "ENDPOINT");
    assert_eq!(first(&mut app), "nginx");
    assert!(shown(&mut app).contains("ENDPOINT*"));
    click(&mut app, "ENDPOINT");
    assert_eq!(first(&mut app), "node");
    assert!(shown(&mut app).contains("ENDPOINT^"));
    click(&mut app, "LOST");
    assert!(shown(&mut app).contains("LOST*"));
    click(&mut app, "CLIENT");
    assert!(shown(&mut app).contains("CLIENT*"));
}

#[test]
fn a_click_chooses_a_row_and_a_second_one_opens_it() {
    let mut app = app();
    click(&mut app, "nginx:9090");
    assert!(app.opened.is_none());
    assert_eq!(app.endpoints()[app.row()].process, "nginx");
    click(&mut app, "nginx:9090");
    assert!(shown(&mut app).contains("nginx server on port 9090"));
    mouse(&mut app, MouseEventKind::Down(MouseButton::Right), (1, 1));
    click(&mut app, "3 Last closes");
    assert!(shown(&mut app).contains("VERDICT"));
    let before = app.row();
    mouse(&mut app, MouseEventKind::ScrollDown, (5, 12));
    assert!(app.row() > before, "the wheel moves on");
    mouse(&mut app, MouseEventKind::ScrollUp, (5, 12));
    assert_eq!(app.row(), before);
    mouse(&mut app, CLICK, (70, 23));
    mouse(&mut app, CLICK, (500, 500));
}

#[test]
fn where_there_is_room_processes_and_workloads_have_columns() {
    let mut app = app();
    let view = app.view.as_mut().expect("a view");
    view.endpoints[0].recent_pids = vec![4711, 4712, 4713];
    view.endpoints[0].workload_name = Some("shop/checkout/app".to_owned());
    let narrow = shown(&mut app);
    assert!(!narrow.contains("WORKLOAD") && !narrow.contains("4711"), "{narrow}");
    let wide = screen_of(&mut app, 140, 24).backend().to_string();
    for wanted in ["WORKLOAD", "PID", "4711+2", "shop/checkout/app"] {
        assert!(wide.contains(wanted), "{wanted}:\n{wide}");
    }
    assert!(!wide.contains(" in shop"), "{wide}");
    letters(&mut app, "s");
    letters(&mut app, "s");
    assert!(screen_of(&mut app, 140, 24).backend().to_string().contains("WORKLOAD*"));
    letters(&mut app, "s");
    letters(&mut app, "s");
    shown(&mut app);
    letters(&mut app, "S");
    assert!(shown(&mut app).contains("ENDPOINT*"), "columns that are not there are passed over");
}
