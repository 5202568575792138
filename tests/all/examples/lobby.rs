//! The lobby example.

use serde_json::{Value, json};

use super::{has_page, json, serve};
use crate::support::client::Client;
use crate::support::server::Server;

/// Comes to the lobby, and waits there.
async fn wait(server: &Server) -> Client {
    let mut client = server.connect("/play").await;
    assert_eq!(json(&mut client).await, json!({ "type": "waiting" }));
    client
}

/// The two of a game that has begun: X, who has waited, and O.
async fn pair(server: &Server) -> [Client; 2] {
    let mut x = wait(server).await;
    let mut o = server.connect("/play").await;
    begins(&mut x, &mut o).await;
    [x, o]
}

/// Awaits the begin of a game of somebody who has waited and somebody who has come.
async fn begins(x: &mut Client, o: &mut Client) {
    assert_eq!(json(x).await, json!({ "type": "matched" }));
    for (player, you) in [(x, "X"), (o, "O")] {
        let game = json(player).await;
        assert_eq!((&game["type"], &game["you"]), (&json!("game"), &json!(you)), "{game}");
        assert_eq!(
            (&game["cells"], &game["next"]),
            (&json!(vec![Value::Null; 9]), &json!("X")),
            "{game}"
        );
    }
}

async fn mark(client: &mut Client, cell: usize) {
    client.send(json!({ "type": "mark", "cell": cell }).to_string()).await;
}

/// Plays cells in turn, beginning with X, and awaits each at both.
async fn play(players: &mut [Client; 2], cells: &[usize]) {
    for (turn, cell) in cells.iter().enumerate() {
        let by = turn % 2;
        mark(&mut players[by], *cell).await;
        for player in players.iter_mut() {
            let marked = json(player).await;
            assert_eq!(marked["type"], "marked", "{marked}");
            assert_eq!(marked["cells"][cell], ["X", "O"][by], "{marked}");
        }
    }
}

fn over(winner: &Value) -> Value {
    json!({ "type": "over", "winner": winner })
}

#[tokio::test]
async fn two_are_matched_and_play_until_one_has_won_and_may_play_again() {
    let server = serve("lobby");
    let mut players = pair(&server).await;
    play(&mut players, &[0, 3, 1, 4, 2]).await;
    for player in &mut players {
        assert_eq!(json(player).await, over(&json!("X")));
    }
    // Both are in the lobby again: the first who asks waits, and is X of the next game.
    let [mut x, mut o] = players;
    o.send(r#"{"type":"play"}"#).await;
    assert_eq!(json(&mut o).await, json!({ "type": "waiting" }));
    x.send(r#"{"type":"play"}"#).await;
    begins(&mut o, &mut x).await;
}

#[tokio::test]
async fn nobody_wins_a_full_board() {
    let server = serve("lobby");
    let mut players = pair(&server).await;
    play(&mut players, &[0, 1, 2, 4, 3, 5, 7, 6, 8]).await;
    for player in &mut players {
        assert_eq!(json(player).await, over(&Value::Null));
    }
}

#[tokio::test]
async fn two_games_go_on_beside_each_other() {
    let server = serve("lobby");
    let (mut one, mut two) = (pair(&server).await, pair(&server).await);
    play(&mut one, &[0, 3, 1, 4]).await;
    play(&mut two, &[8, 0, 7, 1, 6]).await;
    for player in &mut two {
        assert_eq!(json(player).await, over(&json!("X")));
    }
    // The other game has heard nothing of it, and its next cell is as free as before.
    mark(&mut one[0], 2).await;
    for player in &mut one {
        assert_eq!(json(player).await["type"], "marked");
        assert_eq!(json(player).await, over(&json!("X")));
    }
}

#[tokio::test]
async fn who_leaves_a_game_loses_it_and_the_other_may_play_again() {
    let server = serve("lobby");
    let [x, mut o] = pair(&server).await;
    x.close(1000, "").await;
    assert_eq!(json(&mut o).await, over(&json!("O")));
    o.send(r#"{"type":"play"}"#).await;
    assert_eq!(json(&mut o).await, json!({ "type": "waiting" }));
    let mut next = server.connect("/play").await;
    begins(&mut o, &mut next).await;
}

#[tokio::test]
async fn who_waits_and_leaves_is_not_matched() {
    let server = serve("lobby");
    let gone = wait(&server).await;
    gone.close(1000, "").await;
    let mut x = wait(&server).await;
    let mut o = server.connect("/play").await;
    begins(&mut x, &mut o).await;
}

#[tokio::test]
async fn a_mark_out_of_turn_or_on_a_taken_cell_counts_for_nothing_and_nonsense_is_told() {
    let server = serve("lobby");
    let mut players = pair(&server).await;
    // What is wrong with a mark is seen at the page, so nobody is told; the answer to nonsense comes next.
    mark(&mut players[1], 0).await;
    for nonsense in ["", "null", "[]", r#"{"type":"mark"}"#, r#"{"type":"mark","cell":9}"#] {
        players[1].send(nonsense).await;
        assert_eq!(json(&mut players[1]).await["type"], "problem", "{nonsense}");
    }
    play(&mut players, &[4]).await;
    mark(&mut players[1], 4).await;
    mark(&mut players[1], 0).await;
    for player in &mut players {
        let cells = json(player).await["cells"].clone();
        assert_eq!(cells, json!(["O", null, null, null, "X", null, null, null, null]));
    }
}

#[test]
fn the_page_is_served() {
    has_page(&serve("lobby"), "Lobby on zigttp");
}
