//! Rectangles as large as numbers, and as square as can be: the squarified treemap of Bruls, Huizing and van Wijk.

/// A rectangle in hundredths of the whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tile {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A tile for each weight, in the same order. Weights are positive and the largest comes first; `aspect` is the whole's
/// width to its height.
pub(super) fn tiles(weights: &[f64], aspect: f64) -> Vec<Tile> {
    let sum: f64 = weights.iter().sum();
    let scale = aspect / sum;
    let areas: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
    let (mut left, mut top, mut width, mut height) = (0.0, 0.0, aspect, 1.0_f64);
    let mut tiles = Vec::with_capacity(areas.len());
    let mut rest = areas.as_slice();
    while !rest.is_empty() {
        let side = width.min(height);
        let (row, others) = rest.split_at(row_length(rest, side));
        let thickness = row.iter().sum::<f64>() / side;
        let mut along = 0.0;
        for area in row {
            let length = area / thickness;
            tiles.push(match width >= height {
                true => percent(left, top + along, thickness, length, aspect),
                false => percent(left + along, top, length, thickness, aspect),
            });
            along += length;
        }
        if width >= height {
            left += thickness;
            width -= thickness;
        } else {
            top += thickness;
            height -= thickness;
        }
        rest = others;
    }
    tiles
}

/// How many of the next areas make a row along this side, so that the least square of them is as square as can be.
fn row_length(areas: &[f64], side: f64) -> usize {
    let mut sum = 0.0;
    let mut best = f64::INFINITY;
    for (length, area) in areas.iter().enumerate() {
        sum += area;
        let stretched = |area: f64| {
            let ratio = side * side * area / (sum * sum);
            ratio.max(1.0 / ratio)
        };
        let worst = stretched(areas[0]).max(stretched(*area));
        if worst > best {
            return length;
        }
        best = worst;
    }
    areas.len()
}

fn percent(left: f64, top: f64, width: f64, height: f64, aspect: f64) -> Tile {
    Tile {
        left: left / aspect * 100.0,
        top: top * 100.0,
        width: width / aspect * 100.0,
        height: height * 100.0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_weights_on_a_square_are_squares() {
        let found = tiles(&[1.0, 1.0, 1.0, 1.0], 1.0);
        assert!(
            found
                .iter()
                .all(|tile| (tile.width - 50.0).abs() < 1e-9 && (tile.height - 50.0).abs() < 1e-9)
        );
    }

    #[test]
    fn nothing_has_no_tiles() {
        assert!(tiles(&[], 2.0).is_empty());
    }

    proptest! {
        #[test]
        fn tiles_fill_the_whole_in_proportion_and_do_not_overlap(
            mut weights in proptest::collection::vec(1.0..1e6f64, 1..40), aspect in 0.3..4.0f64
        ) {
            weights.sort_by(|one, other| other.total_cmp(one));
            let sum: f64 = weights.iter().sum();
            let found = tiles(&weights, aspect);
            prop_assert_eq!(found.len(), weights.len());
            for (tile, weight) in found.iter().zip(&weights) {
                prop_assert!((tile.width * tile.height / 1e4 - weight / sum).abs() < 1e-6);
                prop_assert!(tile.left > -1e-6 && tile.left + tile.width < 100.0 + 1e-6);
                prop_assert!(tile.top > -1e-6 && tile.top + tile.height < 100.0 + 1e-6);
            }
            for (at, one) in found.iter().enumerate() {
                for other in &found[at + 1..] {
                    let over = |a: f64, b: f64, c: f64, d: f64| (a + b).min(c + d) - a.max(c);
                    let wide = over(one.left, one.width, other.left, other.width);
                    let high = over(one.top, one.height, other.top, other.height);
                    prop_assert!(wide < 1e-6 || high < 1e-6);
                }
            }
        }
    }
}
