//! Where rules of a file stand among those that are there.

/// The order in which things stand once `wanted` is carried out on `stored`, both by name.
///
/// Those that both name stand in the wanted order, in the places that they hold among the others. A new one stands behind
/// the one that is before it in `wanted`. What only `stored` names keeps its place: a file that says nothing about it does
/// not move it.
pub fn place(stored: &[&str], wanted: &[&str]) -> Vec<String> {
    let mut known = wanted.iter().filter(|name| stored.contains(name));
    let mut placed: Vec<&str> = stored
        .iter()
        .map(|name| if wanted.contains(name) { known.next().copied().unwrap_or(name) } else { name })
        .collect();
    let first = placed.iter().position(|name| wanted.contains(name)).unwrap_or(placed.len());
    let mut next = first;
    for name in wanted {
        match placed.iter().position(|known| known == name) {
            Some(at) => next = at + 1,
            None => {
                placed.insert(next, name);
                next += 1;
            }
        }
    }
    placed.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_stand_as_the_file_says_and_what_it_does_not_name_keeps_its_place() {
        for (stored, wanted, placed) in [
            ("a b c", "a b c", "a b c"),
            ("a b c", "c b a", "c b a"),
            ("a x b", "b a", "b x a"),
            ("a b", "a new b", "a new b"),
            ("x a", "new a", "x new a"),
            ("a x", "a new", "a new x"),
            ("x y", "a b", "x y a b"),
            ("", "a b", "a b"),
            ("x", "", "x"),
        ] {
            let words = |text: &'static str| text.split_whitespace().collect::<Vec<_>>();
            assert_eq!(place(&words(stored), &words(wanted)), words(placed), "{stored} and {wanted}");
        }
    }
}
